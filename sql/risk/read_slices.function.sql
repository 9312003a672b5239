create or replace function risk.read_slices(p_accounts text[], p_policy_hash text) returns jsonb
language plpgsql stable as $$
begin
  return (
    select case when bool_and(s.slices is not null) then jsonb_object_agg(a.account_id, s.slices)
           end
      from public.accounts a
      left join risk.budget_slices s
        on s.account_id = a.account_id and s.policy_hash = p_policy_hash
       and s.good_until > clock_timestamp()
     where a.account_id = any (p_accounts));
end $$;
comment on function risk.read_slices(text[], text) is
  'The slices of shared budgets that accounts hold, by account; null unless every one holds good ones. Internal.';
