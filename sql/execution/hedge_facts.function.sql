-- The account's book after a fill, or for a residual that still stands after one. Covers that
-- were asked for and have not filled yet count as if they had: nothing is covered twice.
create or replace function execution.hedge_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
  v_vote_s int;
  v_hedges text[];
  v_measures jsonb;
  v_last jsonb;
  v_halts boolean := exists (select from governance.halts h where h.lifted_at is null);
  v_item jsonb;
  v_account record;
  v_account_id text;
  v_exposures jsonb;
  v_unvalued jsonb;
  v_fill record;
  v_filled numeric;
  v_facts jsonb[] := '{}';
begin
  select p.policy_hash, p.body -> 'hedging', (p.body #>> '{authority,approval_ttl_s}')::int
    into v_policy_hash, v_policy, v_vote_s
    from risk.policies p where p.active;
  v_hedges := array(select b ->> 'hedge_symbol'
                      from jsonb_array_elements(coalesce(v_policy -> 'baskets', '[]')) b);
  v_measures := execution.hedge_measures(v_policy);
  if jsonb_array_length(p_items) > 1 and cardinality(v_hedges) > 0 then
    -- One book is behind them all: of a basket's fills only the last one may ask for its cover.
    select jsonb_object_agg(a.account_id, a.symbols) into v_last
      from (select l.account_id, jsonb_object_agg(l.symbol, l.i) as symbols
              from (select f.account_id, f.symbol, max(e.nr) - 1 as i
                      from jsonb_array_elements(p_items) with ordinality as e(item, nr)
                      left join execution.covers c
                        on c.cover_id = (e.item ->> 'cover_id')::uuid
                      join public.fills f
                        on f.fill_id = coalesce(c.fill_id, (e.item ->> 'fill_id')::uuid)
                     group by 1, 2) l
             group by 1) a;
  end if;
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    if v_item ? 'cover_id' then
      v_item := v_item || coalesce((
        select jsonb_build_object('fill_id', f.fill_id, 'account_id', f.account_id,
                                  'strategy_id', f.strategy_id, 'symbol', f.symbol)
          from execution.covers c
          join public.fills f on f.fill_id = c.fill_id
         where c.cover_id = (v_item ->> 'cover_id')::uuid), '{}');
    end if;
    -- Items of a batch mostly share one account, and so one book.
    if i = 0 or v_account_id is distinct from v_item ->> 'account_id' then
      v_account_id := v_item ->> 'account_id';
      select c.account_id, c.org_id, c.venue_id, c.currency, c.mode, s.equity into v_account
        from public.accounts c
        left join risk.account_state s on s.account_id = c.account_id
       where c.account_id = v_account_id;
      select coalesce(jsonb_object_agg(b.symbol, (b.quantity * b.lot_value)::text)
                        filter (where b.lot_value is not null), '{}'),
             coalesce(jsonb_agg(b.symbol) filter (where b.lot_value is null), '[]')
        into v_exposures, v_unvalued
        from execution.hedge_book(
          v_account.account_id, v_account.venue_id, v_account.currency, v_vote_s) b;
    end if;
    select f.fill_id, f.order_id, f.strategy_id, f.symbol, f.side, f.quantity, f.price,
           f.filled_at, f.venue_trade_id, n.kind, o.quantity as ordered, o.mode
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
      'i', v_item -> 'i', 'nr', i, 'last', v_last -> v_account_id,
      'equity', v_account.equity::text, 'currency', v_account.currency,
      'venue_id', v_account.venue_id, 'mode', v_account.mode,
      'exposures', v_exposures,
      'unvalued', v_unvalued,
      'instruments', execution.hedge_instruments(
        v_account.venue_id, v_account.currency, v_hedges || (v_item ->> 'symbol')),
      'measures', v_measures,
      -- Signed lots of this fill that go beyond what its order was authorised for.
      'excess', case when v_fill.order_id is not null then (
        case v_fill.side when 'BUY' then 1 else -1 end * least(
          v_fill.quantity, greatest(0, v_filled - v_fill.ordered)))::text end,
      'halted', v_halts and governance.standing_halt(
        v_account.org_id, v_account.venue_id, v_account.account_id, v_item ->> 'strategy_id',
        v_item ->> 'symbol') is not null,
      'covers', coalesce(v_fill.kind = 'cover', false),
      'fill', case when v_item ? 'cover_id' and v_fill.order_id is not null then
        jsonb_build_object(
          'fill_id', v_fill.fill_id, 'order_id', v_fill.order_id,
          'account_id', v_account_id, 'strategy_id', v_fill.strategy_id,
          'symbol', v_fill.symbol, 'mode', v_fill.mode, 'quantity', v_fill.quantity::text,
          'price', v_fill.price::text) end,
      'policy', v_policy, 'policy_hash', v_policy_hash));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.hedge_facts(jsonb) is
  'Exposures of the account by symbol, hedge instruments, halts and the active hedging policy.';
grant execute on function execution.hedge_facts(jsonb) to hedger_agent;
