-- Who is signed in at the office's pages. The cookie's token is kept only as its hash.
create table web_session (
    token_hash bytea primary key,
    email      text not null references person (email),
    begun_at   timestamptz not null,
    seen_at    timestamptz not null,
    ended_at   timestamptz
);
create index web_session_email on web_session (email);
create index web_session_begun on web_session (begun_at);
