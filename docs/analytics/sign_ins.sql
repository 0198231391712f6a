-- Sign-ins a day and application, and how many persons and devices they were.
select day, application, count(*) as sign_ins,
       count(distinct person) as persons, count(distinct installation) as devices
from sessions
group by day, application
order by day, application
