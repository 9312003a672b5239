create or replace function risk.enrolled_accounts(p_items jsonb, p_accounts jsonb) returns jsonb
language sql stable as $$
  select jsonb_object_agg(s.strategy_id, p_accounts -> s.strategy_id || to_jsonb(s.account_id))
    from public.strategies s
   where s.strategy_id in (select e.item ->> 'strategy_id'
                             from jsonb_array_elements(p_items) as e(item))
     and p_accounts ? s.strategy_id and s.account_id is not null
$$;
comment on function risk.enrolled_accounts(jsonb, jsonb) is
  'Of the strategies of a batch that may trade at several accounts: all of them, its own last; null where there is none. Internal.';
