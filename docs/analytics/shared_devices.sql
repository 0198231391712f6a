-- Devices that two or more persons had on one day: somebody signs in on the day on which the person
-- before had left. There is no other way, since a device belongs to one person at a time.
with turns as (
    select day, application, installation, person,
           lag(end_day) over device as previous_day, lag(person) over device as previous_person
    from sessions
    window device as (partition by installation order by position)
)
select distinct day, application, installation
from turns
where previous_person <> person and previous_day = day
order by day, application, installation
