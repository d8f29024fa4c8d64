-- What vendors store for companies: each thing belongs to the company that got its id. Vendors know one account,
-- ours, so an id that is not bound here is nobody's.
create table stored (
    kind text not null,             -- response, file, batch, cache
    base_url text not null,         -- the vendor's: ids are its own
    vendor_id text not null,
    company_id text not null,
    product_id text not null,
    target_id text not null,        -- the product's upstream that has it
    op text not null,               -- the call that made it
    created_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz,
    primary key (kind, base_url, vendor_id)
);
create index stored_of_company on stored (company_id, kind, vendor_id);

-- Calls that go on at a vendor after their answer: each is followed by one gateway until it ends, then its row
-- goes. `call` is what its end is booked by, as JSON; nothing in it is of a prompt or an answer.
create table unfinished (
    op text primary key,
    kind text not null,
    base_url text not null,
    vendor_id text not null,
    gateway_id text not null,       -- '': handed on by who stopped
    call text not null,
    begun_at timestamptz not null default clock_timestamp(),
    foreign key (kind, base_url, vendor_id) references stored
);
create index unfinished_thing on unfinished (kind, base_url, vendor_id);
