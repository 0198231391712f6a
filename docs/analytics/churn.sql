-- Persons who left their last device and signed in nowhere for 30 days. A day counts once those 30
-- days are over, since until then the persons can still return.
select s.end_day as day, s.reason, count(distinct s.person) as persons
from sessions s
where s.end_day + 30 < (select max(day) from facts)
  and not exists (
      select 1
      from sessions o
      where o.person = s.person
        and (o.end_position is null or o.end_position > s.end_position)
        and o.day <= s.end_day + 30
  )
group by s.end_day, s.reason
order by s.end_day, s.reason
