-- Programs that come to the office as a person does, by an id and a secret of which the books have the hash alone.
create sequence office_client_number as bigint;
create table office_client (
    id text primary key,
    email text not null references person,
    name text not null,
    secret_hash bytea not null check (length(secret_hash) = 32),
    created_at timestamptz not null,
    revoked_at timestamptz
);
create index office_client_email on office_client (email);
