-- How far the provider's list of messages that people sent has been compared with what reached us.

create table reconciliations (
  organization_id uuid primary key references organizations,
  read_until timestamptz not null,
  due_at timestamptz not null
);

alter table reconciliations enable row level security;
alter table reconciliations force row level security;
create policy tenant on reconciliations to parlo_app
  using (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid)
  with check (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
create policy platform on reconciliations to parlo_platform using (true) with check (true);
grant select, insert, update, delete on reconciliations to parlo_app, parlo_platform;
