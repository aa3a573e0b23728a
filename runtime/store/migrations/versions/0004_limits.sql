-- What one sender and one business may cost.

alter type task_kind add value 'model_limit';

alter table conversations
  -- the model calls this sender caused are paid for until then; in the past or null, the allowance is whole
  add column paid_until timestamptz;

-- what a business has used today is counted from the journal itself, which nothing can get out of step with
create index steps_model_calls on steps (organization_id, at) where kind = 'model';
