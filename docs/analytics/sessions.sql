-- A view for the queries here: each time that an identified person was signed in on a device. A lead,
-- whom no identifier names, is nobody who signs in; with the first identifier the lead's device
-- begins a session of the person whom it names. A lead that has left its device is never named.
create or replace temporary view sessions as
with bindings as (
    select application, installation, person, kind, day, position,
           lead(day) over device as end_day, lead(reason) over device as reason,
           lead(position) over device as end_position
    from facts
    where kind in ('DevicePersonalized', 'DeviceDepersonalized')
    window device as (partition by installation order by position)
),
identified as (
    select person, min(day) as day
    from facts
    where kind = 'IdentifierAdded'
    group by person
)
select b.application, b.installation, b.person,
       greatest(b.day, i.day) as day, b.position, b.end_day, b.reason, b.end_position
from bindings b
join identified i on i.person = b.person
where b.kind = 'DevicePersonalized'
