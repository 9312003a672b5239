-- The account's book after a fill. Covers that were authorised and have not filled yet count as
-- if they had: two fills in a row must not be covered twice.
create or replace function execution.hedge_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
  v_hedges text[];
  v_halts boolean := exists (select from governance.halts h where h.lifted_at is null);
  v_item jsonb;
  v_account record;
  v_account_id text;
  v_exposures jsonb;
  v_unvalued jsonb;
  v_instruments jsonb;
  v_fill record;
  v_filled numeric;
  v_facts jsonb[] := '{}';
begin
  select p.policy_hash, p.body -> 'hedging' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  v_hedges := array(select b ->> 'hedge_symbol'
                      from jsonb_array_elements(coalesce(v_policy -> 'baskets', '[]')) b);
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    -- Items of a batch mostly share one account, and so one book.
    if i = 0 or v_account_id is distinct from v_item ->> 'account_id' then
      v_account_id := v_item ->> 'account_id';
      select c.account_id, c.org_id, c.venue_id, c.currency, c.mode, s.equity into v_account
        from public.accounts c
        left join risk.account_state s on s.account_id = c.account_id
       where c.account_id = v_account_id;
      select coalesce(jsonb_object_agg(b.symbol, (b.quantity * v.lot_value)::text)
                        filter (where v.lot_value is not null), '{}'),
             coalesce(jsonb_agg(b.symbol) filter (where v.lot_value is null), '[]')
        into v_exposures, v_unvalued
        from (select h.symbol, sum(h.quantity) as quantity
                from (select p.symbol, p.quantity from public.positions p
                       where p.account_id = v_account.account_id and p.quantity <> 0
                      union all
                      select r.symbol, case r.side when 'BUY' then r.remaining_quantity
                                                   else -r.remaining_quantity end
                        from risk.reservations r
                       where r.account_id = v_account.account_id and r.released_at is null
                         and exists (select from public.intents n
                                      where n.intent_id = r.intent_id and n.kind = 'cover')) h
               group by h.symbol) b
        left join lateral risk.lot_value(
          v_account.venue_id, b.symbol, v_account.currency) v on true;
    end if;
    select coalesce(jsonb_object_agg(n.symbol, jsonb_build_object(
             'notional_per_lot', v.lot_value::text, 'bid', v.bid::text, 'ask', v.ask::text,
             'volume_min', n.volume_min::text, 'volume_max', n.volume_max::text,
             'volume_step', n.volume_step::text)), '{}')
      into v_instruments
      from public.instruments n
      left join lateral risk.lot_value(
        v_account.venue_id, n.symbol, v_account.currency) v on true
     where n.symbol = any (v_hedges || (v_item ->> 'symbol')) and n.state = 'tradable';
    select f.order_id, f.side, f.quantity, f.filled_at, f.venue_trade_id, n.kind,
           o.quantity as ordered
      into v_fill
      from public.fills f
      join public.orders o on o.order_id = f.order_id
      left join public.intents n on n.intent_id = f.intent_id
     where f.fill_id = (v_item ->> 'fill_id')::uuid;
    select sum(b.quantity) into v_filled
      from public.fills b
     where b.order_id = v_fill.order_id
       and (b.filled_at, b.venue_trade_id) <= (v_fill.filled_at, v_fill.venue_trade_id);
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', v_item -> 'i', 'equity', v_account.equity::text, 'currency', v_account.currency,
      'venue_id', v_account.venue_id, 'mode', v_account.mode,
      'exposures', v_exposures,
      'unvalued', v_unvalued,
      'instruments', v_instruments,
      -- Signed lots of this fill that go beyond what its order was authorised for.
      'excess', case when v_fill.order_id is not null then (
        case v_fill.side when 'BUY' then 1 else -1 end * least(
          v_fill.quantity, greatest(0, v_filled - v_fill.ordered)))::text end,
      'halted', v_halts and governance.standing_halt(
        v_account.org_id, v_account.venue_id, v_account.account_id, v_item ->> 'strategy_id',
        v_item ->> 'symbol') is not null,
      'covers', coalesce(v_fill.kind = 'cover', false),
      'policy', v_policy, 'policy_hash', v_policy_hash));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.hedge_facts(jsonb) is
  'Exposures of the account by symbol, hedge instruments, halts and the active hedging policy.';
grant execute on function execution.hedge_facts(jsonb) to hedger_agent;
