-- Accounts that hold so much that a basket of theirs may stand beyond its bound: even if all that
-- is held pointed one way at the largest beta. What really stands, the hedger reckons.
create or replace function execution.residual_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
  v_vote_s int;
  v_measures jsonb;
  v_bound numeric;
  v_accounts jsonb := '[]';
  v_told jsonb := '[]';
  v_incidents boolean := exists (
    select from ops.incidents o where o.kind = 'COVER_TRIES_SPENT' and o.state = 'open');
begin
  if v_incidents or exists (select from public.positions p where p.quantity <> 0) then
    select p.policy_hash, p.body -> 'hedging', (p.body #>> '{authority,approval_ttl_s}')::int
      into v_policy_hash, v_policy, v_vote_s
      from risk.policies p where p.active;
    select (v_policy ->> 'residual_max')::numeric / greatest(
             1, (v_policy ->> 'beta_max')::numeric, max(abs(k.value::numeric)))
      into v_bound
      from jsonb_array_elements(coalesce(v_policy -> 'baskets', '[]')) b
      cross join lateral jsonb_each_text(b.value -> 'betas') k
    having v_policy ->> 'tries_max' is not null;
  end if;
  if v_bound is not null then
    v_measures := execution.hedge_measures(v_policy);
    select coalesce(jsonb_agg(jsonb_build_object(
             'account_id', c.account_id, 'equity', s.equity::text, 'exposures', k.exposures,
             'instruments', execution.hedge_instruments(
               c.venue_id, c.currency, k.symbols || array(
                 select b.value ->> 'hedge_symbol'
                   from jsonb_array_elements(v_policy -> 'baskets') b)),
             'pending', (select coalesce(jsonb_agg(distinct q.symbol), '[]')
                           from execution.pending_covers(c.account_id, v_vote_s) q),
             'asked', (select coalesce(jsonb_object_agg(t.symbol, jsonb_build_object(
                                'tries', t.tries, 'age_s', t.age_s::text)), '{}')
                         from (select a.symbol, count(*) as tries,
                                      round(extract(epoch from now() - max(a.asked_at)), 3)
                                        as age_s
                                 from execution.covers a
                                where a.account_id = c.account_id
                                  and a.asked_at > now()
                                      - (v_policy ->> 'tries_window_s')::int * interval '1 second'
                                group by 1) t))
             order by c.account_id), '[]') into v_accounts
      from public.accounts c
      join risk.account_state s on s.account_id = c.account_id
      cross join lateral (
        select jsonb_object_agg(b.symbol, (b.quantity * b.lot_value)::text) as exposures,
               sum(abs(b.quantity * b.lot_value)) as gross, array_agg(b.symbol) as symbols
          from execution.hedge_book(c.account_id, c.venue_id, c.currency, v_vote_s) b
         where b.lot_value is not null) k
     where c.state = 'active'
       and exists (select from public.positions p
                    where p.account_id = c.account_id and p.quantity <> 0)
       and k.gross > v_bound * s.equity;
  end if;
  if v_incidents then
    -- Settled: what is on its way or has no value leaves open whether it is covered.
    select coalesce(jsonb_agg(jsonb_build_object(
             'account_id', c.account_id, 'symbol', o.detail ->> 'symbol',
             'settled', c.state = 'active' and not exists (
                 select from execution.pending_covers(c.account_id, v_vote_s) q
                  where q.symbol = o.detail ->> 'symbol')
               and not exists (
                 select from execution.hedge_book(c.account_id, c.venue_id, c.currency, v_vote_s) b
                  where b.lot_value is null and b.quantity <> 0)) order by o.subject), '[]')
      into v_told
      from ops.incidents o
      join public.accounts c on c.account_id = o.detail ->> 'account_id'
     where o.kind = 'COVER_TRIES_SPENT' and o.state = 'open';
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'told', v_told, 'accounts', v_accounts, 'measures', v_measures,
                   'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.residual_facts(jsonb) is
  'Accounts whose baskets may stand beyond their bound, with their books, pending covers and tries; what people were told of.';
grant execute on function execution.residual_facts(jsonb) to hedger_agent;
