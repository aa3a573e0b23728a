-- A handoff that is offered to one person after another, and reaches them whatever their window says.

create type handoff_origin as enum ('customer', 'human');
create type offer_outcome as enum ('taken', 'declined', 'expired', 'withdrawn', 'removed');
create type media_state as enum ('stored', 'refused', 'deleted');
create type template_status as enum (
  'unsubmitted', 'received', 'pending', 'approved', 'rejected', 'paused', 'disabled');
alter type handoff_end add value 'unanswered';
alter type handoff_end add value 'opted_out';
alter type handoff_end add value 'suspended';
alter type task_kind add value 'unanswered';

-- Handoff ------------------------------------------------------------------------------------------

-- a value added to an enum cannot be used by an index in the same transaction, hence a new type
drop index handoffs_one_per_human;
drop index handoffs_one_per_conversation;
drop index handoffs_line;
do $$
declare
  c text;
begin
  for c in select conname from pg_constraint where conrelid = 'handoffs'::regclass and contype = 'c' loop
    execute format('alter table handoffs drop constraint %I', c);
  end loop;
end $$;
alter type handoff_state rename to handoff_state_before;
create type handoff_state as enum ('requested', 'waiting', 'offered', 'active', 'ended');
alter table handoffs alter column state type handoff_state using state::text::handoff_state;
drop type handoff_state_before;

-- whoever waits already is looked at again at once
update handoffs set due_at = requested_at where state = 'waiting';
alter table handoffs
  add column origin handoff_origin not null default 'customer',
  add column summary text,
  -- when the human it is offered to was asked; when a human's word first reached the customer;
  -- and the first word of the customer that no human has answered yet
  add column offered_at timestamptz,
  add column first_answer_at timestamptz,
  add column unanswered_since timestamptz,
  add column snoozed_until timestamptz,
  add column nudges integer not null default 0,
  add column reopened integer not null default 0,
  add constraint handoffs_human check ((state in ('offered', 'active')) <= (staff_id is not null)),
  add constraint handoffs_nobody check ((state in ('requested', 'waiting')) <= (staff_id is null)),
  add constraint handoffs_connected check ((state = 'active') <= (connected_at is not null and last_human_at is not null)),
  add constraint handoffs_end check ((state = 'ended') = (ended_at is not null and end_reason is not null)),
  -- whatever is open has a next step planned
  add constraint handoffs_planned check ((state in ('waiting', 'offered', 'active')) = (due_at is not null));

-- a human serves one customer at a time; to be asked counts
create unique index handoffs_one_per_human on handoffs (organization_id, staff_id) where state in ('offered', 'active');
-- a conversation has one open handoff
create unique index handoffs_one_per_conversation on handoffs (organization_id, conversation_id)
  where state <> 'ended';
create index handoffs_line on handoffs (organization_id, requested_at, id) where state = 'waiting';

-- who was asked, in order, and what came of it
create table handoff_offers (
  organization_id uuid not null,
  handoff_id uuid not null,
  number integer not null check (number > 0),
  staff_id uuid not null,
  offered_at timestamptz not null,
  settled_at timestamptz,
  outcome offer_outcome,
  primary key (organization_id, handoff_id, number),
  foreign key (organization_id, handoff_id) references handoffs,
  foreign key (organization_id, staff_id) references staff,
  check ((settled_at is null) = (outcome is null))
);
create unique index handoff_offers_one_open on handoff_offers (organization_id, handoff_id) where outcome is null;

-- A human who leaves, or a business that is suspended, is seen to at once, whatever program wrote it:
-- the moment is long past, so the ticker takes the handoff up next.
create function plan_handoffs_of_staff() returns trigger language plpgsql as $$
begin
  update handoffs set due_at = '2000-01-01T00:00:00Z'
  where organization_id = new.organization_id and staff_id = new.id and state in ('offered', 'active');
  return null;
end $$;
create trigger handoffs_of_staff after update of active, role on staff for each row
  when ((old.active and not new.active) or (old.role in ('owner', 'admin') and new.role not in ('owner', 'admin')))
  execute function plan_handoffs_of_staff();

-- Somebody who may take customers from now on is asked for whoever waits.
create function plan_handoffs_in_line() returns trigger language plpgsql as $$
begin
  update handoffs set due_at = '2000-01-01T00:00:00Z'
  where organization_id = new.organization_id and state = 'waiting';
  return null;
end $$;
create trigger handoffs_of_new_staff after insert on staff for each row
  when (new.active and new.role in ('owner', 'admin')) execute function plan_handoffs_in_line();
create trigger handoffs_of_returning_staff after update of active, role on staff for each row
  when (new.active and new.role in ('owner', 'admin') and not (old.active and old.role in ('owner', 'admin')))
  execute function plan_handoffs_in_line();

create function plan_handoffs_of_organization() returns trigger language plpgsql as $$
begin
  update handoffs set due_at = '2000-01-01T00:00:00Z'
  where organization_id = new.organization_id and state in ('waiting', 'offered', 'active');
  return null;
end $$;
create trigger handoffs_of_organization after update of status on organizations for each row
  when (old.status = 'active' and new.status <> 'active')
  execute function plan_handoffs_of_organization();

-- Files -------------------------------------------------------------------------------------------

-- what a person sent beside words, kept until it has been passed on and shown for a while
create table media (
  organization_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  inbox_id uuid not null,
  position integer not null check (position >= 0),
  state media_state not null,
  -- why it cannot be passed on, as a word of ours
  refusal text,
  content_type text not null,
  size_bytes integer not null check (size_bytes >= 0),
  content bytea,
  created_at timestamptz not null,
  delete_at timestamptz not null,
  primary key (organization_id, id),
  unique (id),
  unique (inbox_id, position, organization_id),
  foreign key (organization_id, conversation_id) references conversations,
  foreign key (organization_id, inbox_id) references inbox,
  check ((state = 'stored') = (content is not null)),
  check ((state = 'refused') = (refusal is not null))
);
create index media_delete on media (delete_at) where state = 'stored';

-- Templates ---------------------------------------------------------------------------------------

-- what WhatsApp has approved for us, by the name in our catalogue: each text it was ever submitted with
create table templates (
  organization_id uuid not null references organizations,
  name text not null,
  language text not null,
  -- of what was submitted: a text that has changed since needs a new approval
  content_hash text not null,
  -- of what its values mean: an older text may stand in for a newer one that takes the same
  values_hash text not null,
  body text not null,
  content_sid text not null,
  status template_status not null,
  rejection text,
  changed_at timestamptz not null,
  primary key (organization_id, name, language, content_hash)
);

-- What is sent ---------------------------------------------------------------------------------------

alter table conversations
  -- the provider said the 24 hours are over, whatever we had counted
  add column window_closed_at timestamptz;

alter table outbox
  -- the conversation at the other end: whose words these are, or of whom they tell
  add column counterpart_id uuid,
  add column handoff_id uuid,
  add column media_id uuid,
  -- what is sent in its place while the receiver's window is closed
  add column template text,
  add column template_values jsonb,
  add column as_template boolean not null default false,
  -- kept until the receiver's window opens
  add column held boolean not null default false,
  -- of a send that was refused for the window: what is reported of it later says nothing of the next one
  add column refused_sid text,
  add foreign key (organization_id, counterpart_id) references conversations,
  add foreign key (organization_id, handoff_id) references handoffs,
  add foreign key (organization_id, media_id) references media;
create index outbox_by_sid on outbox (provider_sid) where provider_sid is not null;
create index outbox_of_handoff on outbox (handoff_id) where handoff_id is not null;
create index outbox_held on outbox (organization_id, conversation_id, id) where held;
drop index outbox_line;
create index outbox_line on outbox (organization_id, conversation_id, id)
  where state in ('queued', 'submitting') and not held;

do $$
declare
  t text;
begin
  foreach t in array array['handoff_offers', 'media', 'templates']
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format(
      'create policy tenant on %I to parlo_app'
      ' using (organization_id = nullif(current_setting(''app.organization_id'', true), '''')::uuid)'
      ' with check (organization_id = nullif(current_setting(''app.organization_id'', true), '''')::uuid)', t);
    execute format('create policy platform on %I to parlo_platform using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on %I to parlo_app, parlo_platform', t);
  end loop;
end $$;
