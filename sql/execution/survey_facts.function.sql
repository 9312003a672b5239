-- What the bridge needs to compare an account with its venue: our side of it, as of now.
create or replace function execution.survey_facts(p_asked jsonb, p_now timestamptz)
returns jsonb
language plpgsql stable as $$
declare
  v_asked record;
  v_last record;
  v_since timestamptz;
begin
  select r.reconciliation_id, r.cause, r.state, c.account_id, c.org_id, c.venue_id, c.mode,
         c.currency, c.starting_balance, h.worker_id, h.epoch
    into v_asked
    from execution.reconciliations r
    join public.accounts c on c.account_id = r.account_id
    left join execution.account_leases h on h.account_id = r.account_id
   where r.reconciliation_id = (p_asked ->> 'reconciliation_id')::uuid;
  if v_asked.state is distinct from 'asked' then
    return jsonb_build_object('i', p_asked -> 'i', 'state', 'answered',
                              'status', coalesce(v_asked.state, 'unknown'));
  end if;
  select r.surveyed_at, r.findings, r.state, r.our_balance into v_last
    from execution.reconciliations r
   where r.account_id = v_asked.account_id and r.surveyed_at is not null
   order by r.asked_at desc limit 1;
  -- Venues list late: what was read is read again for an hour. The first look reaches back to
  -- our first trade.
  v_since := coalesce(
    v_last.surveyed_at - interval '1 hour',
    least(p_now - interval '1 day',
          (select min(f.filled_at) - interval '1 hour' from public.fills f
            where f.org_id = v_asked.org_id and f.account_id = v_asked.account_id)));
  return jsonb_build_object(
    'i', p_asked -> 'i', 'state', 'reconcile', 'status', v_asked.state,
    'reconciliation_id', v_asked.reconciliation_id, 'cause', v_asked.cause,
    'worker_id', v_asked.worker_id, 'epoch', v_asked.epoch,
    'account_id', v_asked.account_id, 'org_id', v_asked.org_id, 'venue_id', v_asked.venue_id,
    'mode', v_asked.mode, 'currency', v_asked.currency,
    'as_of', p_now, 'since', v_since,
    'adopting', not exists (select from execution.reconciliations r
                             where r.account_id = v_asked.account_id
                               and r.state in ('agreed', 'repaired', 'unexplained')),
    -- What every look found for ten seconds at least: what a venue only lists late has passed.
    'before', (select coalesce(jsonb_agg(f ->> 'key'), '[]')
                 from jsonb_array_elements(coalesce(v_last.findings, '[]')) f
                cross join jsonb_build_array(jsonb_build_object('key', f -> 'key')) k(one)
                where exists (
                  select from execution.reconciliations r
                   where r.account_id = v_asked.account_id and r.findings @> k.one
                     and r.surveyed_at <= p_now - interval '10 seconds'
                     and r.asked_at > p_now - interval '10 minutes'
                     and r.surveyed_at > coalesce((
                           select max(s.surveyed_at) from execution.reconciliations s
                            where s.account_id = v_asked.account_id
                              and s.asked_at > p_now - interval '10 minutes'
                              and not s.findings @> k.one), '-infinity'))),
    -- Who lifts the halt has read the report.
    'accepted', (select coalesce(jsonb_agg(distinct f ->> 'key'), '[]')
                   from execution.reconciliations r
                   join governance.halts g on g.halt_id = r.halt_id and g.lifted_at is not null
                  cross join jsonb_array_elements(r.findings) f
                  where r.account_id = v_asked.account_id
                    and r.asked_at > v_since - interval '1 day'),
    'policy_hash', (select p.policy_hash from risk.policies p where p.active),
    -- Whose a trade is that nobody of ours opened: the account's own strategy, one that may use it.
    'strategy_id', coalesce((
      select s.strategy_id from public.strategies s
       where s.org_id = v_asked.org_id
         and (s.account_id = v_asked.account_id or exists (
                select from risk.policies p
                 where p.active
                   and p.body #> array['venues', 'accounts', s.strategy_id] ? v_asked.account_id))
       order by s.account_id = v_asked.account_id desc, s.state = 'active' desc, s.strategy_id
       limit 1), 'none'),
    'balance', execution.booked_cash(
      v_asked.account_id,
      case when v_last.state in ('agreed', 'repaired') then v_last.our_balance end,
      v_last.surveyed_at)::text,
    'in_flight', (select coalesce(jsonb_agg(distinct o.symbol), '[]')
                    from execution.attempts a
                    join public.orders o on o.order_id = a.order_id
                   where a.account_id = v_asked.account_id and a.state in ('open', 'unknown')),
    'positions', (select coalesce(jsonb_agg(jsonb_build_object(
                           'symbol', p.symbol, 'quantity', p.quantity::text,
                           'average_price', p.average_price::text,
                           'updated_at', p.updated_at,
                           'value_per_point', (n.contract_size * execution.conversion_rate(
                              n.quote_currency, v_asked.currency, p.symbol,
                              p.average_price))::text) order by p.symbol), '[]')
                    from public.positions p
                    left join public.instruments n on n.symbol = p.symbol
                   where p.account_id = v_asked.account_id),
    'trades', (select coalesce(jsonb_object_agg(f.venue_trade_id, jsonb_build_array(
                        f.quantity::text, f.price::text, f.side, f.filled_at)), '{}')
                 from public.fills f
                where f.org_id = v_asked.org_id and f.account_id = v_asked.account_id
                  and f.filled_at >= v_since - interval '1 hour'),
    'cash', (select coalesce(jsonb_agg(k.venue_trade_id), '[]')
               from execution.venue_cash k
              where k.account_id = v_asked.account_id
                and k.executed_at >= v_since - interval '1 hour'),
    'attempts', execution.marked_attempts(v_asked.account_id, v_asked.org_id, v_since));
end $$;
comment on function execution.survey_facts(jsonb, timestamptz) is
  'Our side of a reconciliation: positions, trades, attempts by their marks, what was found before. Called by other procedures only.';
