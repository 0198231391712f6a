-- Devices that two or more persons had on one day: somebody signs in on the day on which the person
-- before had left. There is no other way, since a device belongs to one person at a time.
with changes as (
    select day, kind, application, installation, person,
           lag(day) over device as previous_day, lag(person) over device as previous_person
    from facts
    where kind in ('DevicePersonalized', 'DeviceDepersonalized')
    window device as (partition by installation order by position)
)
select distinct day, application, installation
from changes
where kind = 'DevicePersonalized' and previous_person <> person and previous_day = day
order by day, application, installation
