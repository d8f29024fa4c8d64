-- People of the office. A mail address is kept in lower case; a password only as its argon2id hash.
create table person (
    email         text primary key check (email = lower(email) and length(email) between 3 and 254),
    role          text not null check (role in ('operator', 'auditor', 'company', 'provider')),
    company       text,
    provider      text,
    password_hash text,
    created_at    timestamptz not null default now(),
    disabled_at   timestamptz,
    check ((role = 'company') = (company is not null)),
    check ((role = 'provider') = (provider is not null))
);

-- One-time links for setting a password. The link's token is kept only as its hash.
create table invitation (
    token_hash bytea primary key,
    email      text not null references person (email),
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index on invitation (email);
