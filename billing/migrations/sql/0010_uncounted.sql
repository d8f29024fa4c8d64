-- Ends of calls that the books have and no purse has counted: a data set that was away may come back with the
-- hold open, and count it then. Only of living epochs: of another one no limit is told any more.
create table uncounted (
    op text not null,
    n bigint not null,
    lane smallint not null,
    primary key (op, n)
);
create index uncounted_epoch on uncounted (lane, n);
