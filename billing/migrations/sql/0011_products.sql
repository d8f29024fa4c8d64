-- Providers and products as the office knows them, beside the directory's rows (docs/decisions/0035).

-- What a declaration makes is approved at once; one that registers waits for the agency.
create table provider_life (
    provider_id text primary key references provider,
    state text not null default 'approved' check (state in ('registered', 'approved', 'suspended', 'ended'))
);
insert into provider_life (provider_id) select id from provider;
create function provider_lives() returns trigger language plpgsql as $$
begin
    insert into provider_life (provider_id) values (new.id) on conflict do nothing;
    return null;
end $$;
create trigger lives after insert on provider for each row execute function provider_lives();

-- What a declaration makes is on sale at once. Gateways hear of a product from `on_sale_at` on; before that it is
-- its provider's draft, whose price list may still be written anew and is no row of `price` yet.
create table product_life (
    product_id text primary key references product,
    state text not null default 'on_sale'
        check (state in ('draft', 'in_review', 'returned', 'on_sale', 'suspended', 'withdrawn')),
    on_sale_at timestamptz,
    suspended_by text check (suspended_by in ('agency', 'provider')),
    prices jsonb,               -- of a draft, as declared
    check (state not in ('on_sale', 'suspended') or on_sale_at is not null),
    check (state <> 'suspended' or suspended_by is not null)
);
insert into product_life (product_id, on_sale_at) select id, created_at from product;
create function product_lives() returns trigger language plpgsql as $$
begin
    insert into product_life (product_id, on_sale_at) values (new.id, new.created_at) on conflict do nothing;
    return null;
end $$;
create trigger lives after insert on product for each row execute function product_lives();

create constraint trigger logged after update of state on provider_life deferrable initially deferred
    for each row when (new.state <> old.state) execute function state_is_logged('provider', 'provider_id');
create constraint trigger logged after update of state on product_life deferrable initially deferred
    for each row when (new.state <> old.state) execute function state_is_logged('product', 'product_id');

-- An entry of the price list that is taken back before it begins. The entry itself stays, as every entry does.
create table price_withdrawal (
    product_id text not null,
    valid_from timestamptz not null,
    at timestamptz not null,
    primary key (product_id, valid_from),
    foreign key (product_id, valid_from) references price
);
create function refuse_begun_price() returns trigger language plpgsql as $$
begin
    if new.valid_from <= now() then
        raise exception 'a price that has begun is superseded, never withdrawn'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger not_begun before insert on price_withdrawal for each row execute function refuse_begun_price();
create trigger append_only before update or delete or truncate on price_withdrawal
    for each statement execute function refuse_change();

-- A product is read with its life, its provider's and its prices: they change together.
create trigger touch_product after update on product_life for each row execute function touch_product();
create trigger touch_product after insert on price_withdrawal for each row execute function touch_product();
create function touch_products() returns trigger language plpgsql as $$
begin
    update product set id = id where provider_id = new.provider_id;
    return null;
end $$;
create trigger touch_products after update on provider_life for each row
    when (new.state <> old.state) execute function touch_products();

-- What a product is now. Declared inactive, it is as if the agency had suspended it.
create view product_now as
    select p.id as product_id, l.on_sale_at, v.state as provider_state,
        case when l.state = 'on_sale' and not p.active then 'suspended' else l.state end as state,
        case when l.state in ('on_sale', 'suspended') and not p.active then 'agency' else l.suspended_by end
            as suspended_by,
        p.active and l.state = 'on_sale' and v.state = 'approved' as is_served
    from product p join product_life l on l.product_id = p.id
    join provider_life v on v.provider_id = p.provider_id;

-- The entries that hold, or will.
create view price_list as
    select * from price p where not exists (
        select from price_withdrawal w where w.product_id = p.product_id and w.valid_from = p.valid_from);

-- Vendors' API keys as they come and go. Calls use the one in `upstream`; what stands here, sealed for the same
-- place, is that one again and the one before it, until it is retired and its text erased.
create sequence credential_number as bigint;
create table credential (
    id text primary key,
    product_id text not null references product,
    position smallint not null check (position >= 0),
    base_url text not null,
    state text not null check (state in ('current', 'retiring', 'retired')),
    sealed bytea,
    added_at timestamptz not null,
    replaced_at timestamptz,
    check ((state = 'retired') = (sealed is null)),
    check ((state = 'current') = (replaced_at is null))
);
create unique index credential_current on credential (product_id, position) where state = 'current';
create index credential_product on credential (product_id);
create constraint trigger logged after insert or update of state on credential deferrable initially deferred
    for each row execute function state_is_logged('credential', 'id');

-- What companies are told of products that they may use: a row for each company. Mail goes by these rows.
create table notice (
    id bigint generated always as identity primary key,
    company_id text not null references company,
    provider_id text not null references provider,
    product_id text not null references product,
    kind text not null,
    detail jsonb not null default '{}',
    reason text,
    at timestamptz not null
);
create index notice_company on notice (company_id, id);
create trigger append_only before update or delete or truncate on notice
    for each statement execute function refuse_change();

revoke update, delete, truncate on price_withdrawal, notice from public, current_user;
create trigger stays before delete or truncate on provider_life
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on product_life
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on credential
    for each statement execute function refuse_removal();
