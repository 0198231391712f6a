-- Devices on which two or more persons have ever signed in.
select application, installation, count(distinct person) as persons
from sessions
group by application, installation
having count(distinct person) > 1
order by application, installation
