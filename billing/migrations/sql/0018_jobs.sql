-- Long jobs (docs/concepts/jobs.md): our row about each. The tables of the queue come from its package.

create sequence job_number as bigint;
create table job (
    id text primary key,
    kind text not null check (kind in ('close_month', 'statements', 'bundle', 'reconciliation')),
    subject text not null,                      -- of which there is one job at a time: a month, a provider
    state text not null check (state in ('queued', 'running', 'cancelling', 'done', 'failed', 'cancelled')),
    provider_id text references provider,       -- whose own it is; null: the agency's
    arguments jsonb not null,
    person text not null,
    role text not null,
    reason text,
    queue_id bigint,                            -- its entry in the queue, which may be gone
    turn integer not null default 0,            -- how often the queue had given it out when it was begun
    attempt integer not null default 0,         -- who holds an older one writes nothing any more
    done bigint not null default 0 check (done >= 0),
    whole bigint check (whole >= 0),            -- null: not known
    message jsonb,                              -- {code, english, korean}
    result text,                                -- the thing it made, as a path of the API
    file_name text,
    file_bytes bigint check (file_bytes >= 0),
    file_sha256 text check (file_sha256 ~ '^[0-9a-f]{64}$'),
    asked_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    expires_at timestamptz                      -- of its file
);
create unique index job_one_unended on job (kind, subject) where state in ('queued', 'running', 'cancelling');
create index job_unended on job (id) where state in ('queued', 'running', 'cancelling');
create index job_expires on job (expires_at) where expires_at is not null;
create trigger stays before delete or truncate on job for each statement execute function refuse_removal();
create constraint trigger logged after insert or update of state on job deferrable initially deferred
    for each row execute function state_is_logged('job', 'id');

-- What a job was given, and what it made, in pieces: with the job's end in one commit, and not kept for ever.
create table job_piece (
    job_id text not null references job,
    part text not null check (part in ('input', 'file')),
    number integer not null check (number >= 0),
    data bytea not null check (length(data) <= 1048576),
    primary key (job_id, part, number)
);
alter table job_piece alter column data set storage external;

-- Which files of SQL of the queue's package this database has had.
create table queue_schema (
    file text primary key,
    applied_at timestamptz not null default clock_timestamp()
);
