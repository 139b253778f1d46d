-- Nobody is told of a database that was put back before anybody was told of such things.
UPDATE users SET told = told | 8;
