-- Everything the spine needs. Tenant tables carry organization_id, are keyed (organization_id, id)
-- and refer to each other only through such keys, so a row cannot point across tenants.

create extension if not exists btree_gist;

create type organization_status as enum ('onboarding', 'active', 'suspended');
create type channel_kind as enum ('central', 'business', 'unknown');
create type staff_role as enum ('owner', 'admin', 'staff', 'viewer');
create type inbox_state as enum ('accepted', 'done', 'ignored', 'dead');
create type turn_state as enum ('running', 'done', 'dead');
create type step_kind as enum ('model', 'tool');
create type author as enum ('customer', 'assistant', 'human', 'staff', 'marker');
create type outbox_kind as enum ('reply', 'relay', 'alert', 'notice', 'apology');
create type outbox_state as enum (
  'queued', 'submitting', 'accepted', 'sending', 'sent', 'delivered', 'read', 'undelivered', 'failed');
create type handoff_state as enum ('waiting', 'active', 'ended');
create type handoff_end as enum ('human', 'timeout', 'customer');
create type appointment_status as enum ('pending', 'confirmed', 'completed', 'no_show', 'cancelled');
create type flow_kind as enum ('book', 'modify', 'cancel');
create type flow_state as enum ('open', 'abandoned', 'completed');
create type task_kind as enum ('dead_letter', 'undelivered', 'no_human', 'signup', 'unknown_number');

-- Businesses and the numbers they answer on ---------------------------------------------------

create table organizations (
  organization_id uuid primary key,
  name text not null,
  status organization_status not null,
  timezone text not null,
  created_at timestamptz not null
);

create table channels (
  organization_id uuid not null references organizations,
  id uuid not null,
  kind channel_kind not null,
  address text not null unique,
  created_at timestamptz not null,
  primary key (organization_id, id)
);

create table locations (
  organization_id uuid not null references organizations,
  id uuid not null,
  name text not null,
  address text not null,
  position integer not null,
  primary key (organization_id, id)
);

create table location_hours (
  organization_id uuid not null,
  location_id uuid not null,
  weekday smallint not null check (weekday between 0 and 6),
  -- local minutes after midnight; 1440 is the end of the day
  opens_minute smallint not null check (opens_minute >= 0),
  closes_minute smallint not null check (closes_minute > opens_minute and closes_minute <= 1440),
  primary key (organization_id, location_id, weekday, opens_minute),
  foreign key (organization_id, location_id) references locations
);

create table location_closures (
  organization_id uuid not null,
  id uuid not null,
  location_id uuid not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null check (ends_at > starts_at),
  reason text not null,
  primary key (organization_id, id),
  foreign key (organization_id, location_id) references locations
);

create table spots (
  organization_id uuid not null,
  id uuid not null,
  location_id uuid not null,
  name text not null,
  position integer not null,
  primary key (organization_id, id),
  foreign key (organization_id, location_id) references locations
);

create table services (
  organization_id uuid not null references organizations,
  id uuid not null,
  name text not null,
  minutes integer not null check (minutes between 5 and 720),
  buffer_minutes integer not null default 0 check (buffer_minutes between 0 and 240),
  price_cents integer not null check (price_cents >= 0),
  position integer not null,
  active boolean not null default true,
  primary key (organization_id, id)
);

-- One person, a set of addresses ---------------------------------------------------------------

create table people (
  organization_id uuid not null references organizations,
  id uuid not null,
  profile_name text,
  opted_out_at timestamptz,
  created_at timestamptz not null,
  primary key (organization_id, id)
);

create table addresses (
  organization_id uuid not null,
  key text not null,
  person_id uuid not null,
  raw text not null,
  primary key (organization_id, key),
  foreign key (organization_id, person_id) references people
);
create index addresses_by_key on addresses (key);

create table staff (
  organization_id uuid not null,
  id uuid not null,
  person_id uuid not null,
  name text not null,
  role staff_role not null,
  position integer not null,
  active boolean not null default true,
  first_message_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, person_id) references people,
  unique (organization_id, person_id)
);

create table staff_hours (
  organization_id uuid not null,
  staff_id uuid not null,
  weekday smallint not null check (weekday between 0 and 6),
  -- local minutes after midnight; 1440 is the end of the day
  opens_minute smallint not null check (opens_minute >= 0),
  closes_minute smallint not null check (closes_minute > opens_minute and closes_minute <= 1440),
  primary key (organization_id, staff_id, weekday, opens_minute),
  foreign key (organization_id, staff_id) references staff
);

create table staff_blocks (
  organization_id uuid not null,
  id uuid not null,
  staff_id uuid not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null check (ends_at > starts_at),
  reason text not null,
  primary key (organization_id, id),
  foreign key (organization_id, staff_id) references staff
);

create table service_staff (
  organization_id uuid not null,
  service_id uuid not null,
  staff_id uuid not null,
  primary key (organization_id, service_id, staff_id),
  foreign key (organization_id, service_id) references services,
  foreign key (organization_id, staff_id) references staff
);

create table service_spots (
  organization_id uuid not null,
  service_id uuid not null,
  spot_id uuid not null,
  primary key (organization_id, service_id, spot_id),
  foreign key (organization_id, service_id) references services,
  foreign key (organization_id, spot_id) references spots
);

create table customers (
  organization_id uuid not null,
  id uuid not null,
  person_id uuid not null,
  name text,
  created_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, person_id) references people,
  unique (organization_id, person_id)
);

-- Conversations: the unit that one worker at a time may hold -------------------------------------

create table conversations (
  organization_id uuid not null,
  id uuid not null,
  channel_id uuid not null,
  person_id uuid,
  -- our number and theirs: canonical for matching, raw for answering
  our_key text not null,
  our_address text not null,
  their_key text not null,
  their_address text not null,
  last_inbound_at timestamptz,
  -- when the ticker offers this conversation to a worker; null = nothing to do
  due_at timestamptz,
  -- a burst is still coming in until then: no worker may take it before
  quiet_until timestamptz,
  quiet_started_at timestamptz,
  lease_until timestamptz,
  fence bigint not null default 0,
  attempts integer not null default 0,
  created_at timestamptz not null,
  primary key (organization_id, id),
  unique (id),
  unique (organization_id, our_key, their_key),
  foreign key (organization_id, channel_id) references channels,
  foreign key (organization_id, person_id) references people
);
create index conversations_due on conversations (due_at) where due_at is not null;
create index conversations_of_person on conversations (organization_id, person_id);

create table turns (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  state turn_state not null,
  route text,
  reason text,
  prompt text,
  prompt_hash text,
  model text,
  attempts integer not null default 1,
  error text,
  started_at timestamptz not null,
  finished_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, conversation_id) references conversations
);
-- a conversation has at most one turn under way
create unique index turns_one_running on turns (organization_id, conversation_id) where state = 'running';

create table inbox (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  provider text not null,
  sid text not null,
  kind text not null,
  body text not null,
  payload jsonb not null,
  state inbox_state not null default 'accepted',
  route text,
  turn_id uuid,
  received_at timestamptz not null,
  finished_at timestamptz,
  primary key (organization_id, id),
  unique (provider, sid),
  foreign key (organization_id, conversation_id) references conversations,
  foreign key (organization_id, turn_id) references turns
);
create index inbox_open on inbox (organization_id, conversation_id, received_at, id) where state = 'accepted';

-- the journal: each answer of a model and each result of a tool, stored before it is used
create table steps (
  organization_id uuid not null,
  turn_id uuid not null,
  number integer not null,
  kind step_kind not null,
  name text not null,
  request_key text not null,
  -- what the first model call of a turn was asked; the later ones follow from it and the journal
  request jsonb,
  response jsonb not null,
  at timestamptz not null,
  primary key (organization_id, turn_id, number),
  foreign key (organization_id, turn_id) references turns
);

create table messages (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  turn_id uuid,
  author author not null,
  staff_id uuid,
  text text not null,
  at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, conversation_id) references conversations,
  foreign key (organization_id, turn_id) references turns,
  foreign key (organization_id, staff_id) references staff
);
create index messages_of_conversation on messages (organization_id, conversation_id, at, id);

create table outbox (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  turn_id uuid,
  kind outbox_kind not null,
  -- the business fact this message tells; a second attempt to tell it changes nothing
  dedupe_key text not null,
  body text not null,
  state outbox_state not null default 'queued',
  attempts integer not null default 0,
  -- not sent before; and when the ticker offers it, in case the first offer is lost
  not_before timestamptz not null,
  due_at timestamptz,
  lease_until timestamptz,
  submitted_at timestamptz,
  provider_sid text,
  error_code integer,
  created_at timestamptz not null,
  primary key (organization_id, id),
  unique (id),
  unique (organization_id, dedupe_key),
  foreign key (organization_id, conversation_id) references conversations,
  foreign key (organization_id, turn_id) references turns
);
create index outbox_due on outbox (due_at) where due_at is not null;
create index outbox_line on outbox (organization_id, conversation_id, id) where state in ('queued', 'submitting');

-- Handoff ------------------------------------------------------------------------------------------

create table handoffs (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  staff_id uuid,
  state handoff_state not null,
  reason text not null,
  requested_at timestamptz not null,
  connected_at timestamptz,
  last_human_at timestamptz,
  ended_at timestamptz,
  end_reason handoff_end,
  due_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, conversation_id) references conversations,
  foreign key (organization_id, staff_id) references staff,
  check ((state = 'active') <= (staff_id is not null and connected_at is not null)),
  check ((state = 'ended') = (ended_at is not null and end_reason is not null)),
  check ((state = 'waiting') <= (staff_id is null))
);
-- a human serves one customer at a time
create unique index handoffs_one_per_human on handoffs (organization_id, staff_id) where state = 'active';
-- a conversation has one open handoff
create unique index handoffs_one_per_conversation on handoffs (organization_id, conversation_id)
  where state in ('waiting', 'active');
create index handoffs_line on handoffs (organization_id, requested_at, id) where state = 'waiting';
create index handoffs_due on handoffs (due_at) where due_at is not null;

-- Appointments -----------------------------------------------------------------------------------

create table appointments (
  organization_id uuid not null,
  id uuid not null,
  location_id uuid not null,
  customer_id uuid not null,
  service_id uuid not null,
  staff_id uuid not null,
  spot_id uuid,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  -- the end plus the service's buffer: what the chair and the person are kept free for
  occupied_until timestamptz not null,
  price_cents integer not null,
  status appointment_status not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, location_id) references locations,
  foreign key (organization_id, customer_id) references customers,
  foreign key (organization_id, service_id) references services,
  foreign key (organization_id, staff_id) references staff,
  foreign key (organization_id, spot_id) references spots,
  check (ends_at > starts_at and occupied_until >= ends_at),
  constraint appointments_staff_free exclude using gist (
    organization_id with =, staff_id with =, tstzrange(starts_at, occupied_until) with &&)
    where (status in ('pending', 'confirmed', 'completed', 'no_show')),
  constraint appointments_spot_free exclude using gist (
    organization_id with =, spot_id with =, tstzrange(starts_at, occupied_until) with &&)
    where (status in ('pending', 'confirmed', 'completed', 'no_show') and spot_id is not null)
);
create index appointments_of_customer on appointments (organization_id, customer_id, starts_at);

create table flows (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  kind flow_kind not null,
  state flow_state not null,
  service text,
  wanted text,
  changed_at timestamptz not null,
  due_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, conversation_id) references conversations
);
create unique index flows_one_open on flows (organization_id, conversation_id) where state <> 'completed';
create index flows_due on flows (due_at) where due_at is not null;

-- What a person has to look at, and what happened -----------------------------------------------

create table tasks (
  organization_id uuid not null references organizations,
  id uuid not null,
  kind task_kind not null,
  conversation_id uuid,
  dedupe_key text not null,
  summary text not null,
  created_at timestamptz not null,
  done_at timestamptz,
  primary key (organization_id, id),
  unique (organization_id, dedupe_key),
  foreign key (organization_id, conversation_id) references conversations
);

create table events (
  organization_id uuid not null references organizations,
  id uuid not null,
  kind text not null,
  conversation_id uuid,
  subject_id uuid,
  data jsonb not null,
  at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, conversation_id) references conversations
);
create index events_of_conversation on events (organization_id, conversation_id, at, id);

-- Two roles: the application sees the tenant its transaction names; the platform sees all ----------

do $$
begin
  begin create role parlo_app nologin; exception when duplicate_object or unique_violation then null; end;
  begin create role parlo_platform nologin; exception when duplicate_object or unique_violation then null; end;
end $$;
grant parlo_app, parlo_platform to current_user;
grant usage on schema public to parlo_app, parlo_platform;
-- readiness compares it with the revision the code was written for
grant select on alembic_version to parlo_platform;

do $$
declare
  t text;
begin
  for t in
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name = 'organization_id' order by 1
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    -- a setting used once in a session reads '' afterwards, hence nullif
    execute format(
      'create policy tenant on %I to parlo_app'
      ' using (organization_id = nullif(current_setting(''app.organization_id'', true), '''')::uuid)'
      ' with check (organization_id = nullif(current_setting(''app.organization_id'', true), '''')::uuid)', t);
    execute format('create policy platform on %I to parlo_platform using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on %I to parlo_app, parlo_platform', t);
  end loop;
end $$;

-- history is appended, never rewritten
revoke update, delete on events, steps, messages from parlo_app;

insert into organizations (organization_id, name, status, timezone, created_at)
values ('00000000-0000-7000-8000-000000000001', 'Parlo', 'active', 'America/Mexico_City', '2026-01-01T00:00:00Z');
insert into channels (organization_id, id, kind, address, created_at)
values ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 'unknown', '',
        '2026-01-01T00:00:00Z');
