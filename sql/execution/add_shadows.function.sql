-- A twin has a venue of its own (which mirrors the market of its model and to which nothing can
-- be sent), an account of its own and so budgets of its own. Asking again changes nothing.
create or replace function execution.add_shadows(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item jsonb;
  v_model record;
  v_venue text;
  v_account text;
  v_twin text;
  v_answers jsonb[] := '{}';
begin
  for v_item in select e.item from jsonb_array_elements(p_items) e(item) loop
    select s.strategy_id, s.org_id, s.name, s.routing_policy, c.venue_id, c.currency,
           c.starting_balance, c.account_id
      into v_model
      from public.strategies s
      join public.accounts c on c.account_id = s.account_id
     where s.strategy_id = v_item ->> 'strategy_id' and s.state <> 'closed'
       and s.mode <> 'shadow' and c.mode <> 'shadow';
    if not found or not (ops.reads_everything()
                         or v_model.org_id = any (ops.readable_organizations())) then
      raise exception 'no strategy % that could have a twin', v_item ->> 'strategy_id'
        using errcode = 'TR330';
    end if;
    v_venue := 'shadow-' || v_model.venue_id;
    v_account := coalesce(v_item ->> 'account_id', 'shadow-' || v_model.account_id);
    v_twin := coalesce(v_item ->> 'twin_id', v_model.strategy_id || '-shadow');
    insert into public.venues (venue_id, kind, name, mirrors)
    values (v_venue, 'shadow', 'In the shadow of ' || v_model.venue_id, v_model.venue_id)
    on conflict (venue_id) do nothing;
    insert into public.accounts
      (account_id, org_id, venue_id, mode, currency, connection, starting_balance)
    values (v_account, v_model.org_id, v_venue, 'shadow', v_model.currency,
            coalesce(v_item -> 'terms', '{}'),
            coalesce((v_item ->> 'starting_balance')::numeric, v_model.starting_balance))
    on conflict (account_id) do nothing;
    if not exists (select from public.accounts c
                    where c.account_id = v_account and c.mode = 'shadow'
                      and c.venue_id = v_venue and c.org_id = v_model.org_id) then
      raise exception 'account % is another''s', v_account using errcode = 'TR323';
    end if;
    insert into public.strategies
      (strategy_id, org_id, account_id, name, mode, routing_policy, shadow_of)
    values (v_twin, v_model.org_id, v_account, v_model.name || ' in the shadow', 'shadow',
            v_model.routing_policy, v_model.strategy_id)
    on conflict (strategy_id) do nothing;
    if not exists (select from public.strategies s
                    where s.strategy_id = v_twin and s.shadow_of = v_model.strategy_id
                      and s.account_id = v_account) then
      raise exception 'strategy % is another''s', v_twin using errcode = 'TR323';
    end if;
    -- What the market made of the signals so far is the same for both.
    insert into risk.strategy_records
      (strategy_id, trades, wins, losses_in_row, last_closed_at)
    select v_twin, r.trades, r.wins, r.losses_in_row, r.last_closed_at
      from risk.strategy_records r where r.strategy_id = v_model.strategy_id
    on conflict (strategy_id) do nothing;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item -> 'i', 'strategy_id', v_model.strategy_id, 'shadow_strategy_id', v_twin,
      'shadow_account_id', v_account, 'venue_id', v_venue));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.add_shadows(jsonb) is
  'Let strategies run in the shadow beside themselves, with books of their own. TR323: the name is taken. TR330: no such strategy.';
grant execute on function execution.add_shadows(jsonb) to desk_operator;
