-- Once, when the cluster is made: the product's own role. It is not a superuser, so the database's rules bind it.
\getenv password FEEDER_PASSWORD
create role feeder login password :'password';
create database feeder owner feeder;
