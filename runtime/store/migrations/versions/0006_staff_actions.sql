-- What staff had asked for: waiting for their yes, or done and still to be undone.

create type staff_action_state as enum ('asked', 'done', 'undone', 'dropped');

create table staff_actions (
  organization_id uuid not null references organizations,
  id uuid not null,
  staff_id uuid not null,
  -- the conversation it was asked in: one of this business's, or of Parlo's own number
  asked_in uuid not null,
  tool text not null,
  arguments text not null,
  undo text,
  state staff_action_state not null,
  at timestamptz not null,
  settled_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, staff_id) references staff
);

-- one question at a time
create unique index staff_actions_asked on staff_actions (asked_in, staff_id, organization_id) where state = 'asked';
create index staff_actions_latest on staff_actions (asked_in, staff_id, at desc, id desc);

alter table staff_actions enable row level security;
alter table staff_actions force row level security;
create policy tenant on staff_actions to parlo_app
  using (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid)
  with check (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
create policy platform on staff_actions to parlo_platform using (true) with check (true);
grant select, insert, update, delete on staff_actions to parlo_app, parlo_platform;
