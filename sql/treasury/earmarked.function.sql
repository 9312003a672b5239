create or replace function treasury.earmarked(p_org_id text, p_currency text) returns numeric
language sql stable as $$
  select coalesce(sum(i.amount), 0) from treasury.instructions i
   where i.org_id = p_org_id and i.currency = p_currency
     and i.kind = 'buyback' and i.state = 'pending'
$$;
comment on function treasury.earmarked(text, text) is
  'Cash that instructions which are not carried out yet will take. Called by other procedures only.';
