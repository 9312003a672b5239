create or replace view audit.seal_log with (security_invoker = true) as
select s.number, b.body ->> 'sealed_at' as sealed_at, (b.body ->> 'count')::bigint as records,
       b.body ->> 'root' as root, b.body ->> 'previous' as previous,
       encode(sha256(convert_to(s.body, 'UTF8')), 'hex') as digest, s.key_id, s.sig,
       (b.body ->> 'horizon')::bigint as horizon
  from audit.seals s
 cross join lateral (select s.body::jsonb as body) b;
comment on view audit.seal_log is 'Every seal with its root, its predecessor''s hash and its own.';
grant select on audit.seal_log to auditor, desk_operator, desk_reader;
