-- Persons who left their last device and signed in nowhere for 30 days. A day counts once those 30
-- days are over, since until then the persons can still return.
with changes as (
    select day, kind, person, reason,
           sum(case kind when 'DevicePersonalized' then 1 else -1 end) over so_far as devices,
           lead(day) over so_far as next_day
    from facts
    where kind in ('DevicePersonalized', 'DeviceDepersonalized')
    window so_far as (partition by person order by position)
)
select day, reason, count(distinct person) as persons
from changes
where devices = 0
  and (next_day is null or next_day > day + 30)
  and day + 30 < (select max(day) from facts)
group by day, reason
order by day, reason
