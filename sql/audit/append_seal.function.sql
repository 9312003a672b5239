-- One at a time, each naming the last one's hash: whoever comes second is told so and appends
-- nothing. Postgres cannot check the signature; `desk audit verify` does.
create or replace function audit.append_seal(
  p_number bigint, p_previous text, p_body text, p_key_id text, p_sig text,
  p_tables text[], p_forms int[], p_counts int[], p_leaves text[])
returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_last record;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit.append_seal', 0));
  select s.number, encode(sha256(convert_to(s.body, 'UTF8')), 'hex') as digest into v_last
    from audit.seals s order by s.number desc limit 1;
  if p_number <> coalesce(v_last.number, 0) + 1
     or p_previous <> coalesce(v_last.digest, repeat('0', 64)) then
    return false;
  end if;
  insert into audit.seals (number, body, key_id, sig) values (p_number, p_body, p_key_id, p_sig);
  insert into audit.segments (number, segment, table_name, form_version, row_count, leaves)
  select p_number, g.ordinal, g.table_name, g.form_version, g.row_count, g.leaves
    from unnest(p_tables, p_forms, p_counts, p_leaves) with ordinality
         as g(table_name, form_version, row_count, leaves, ordinal);
  return true;
end $$;
comment on function audit.append_seal(
  bigint, text, text, text, text, text[], int[], int[], text[]) is
  'Append the next seal with its leaves. False: another seal came first, nothing was appended.';
grant execute on function audit.append_seal(
  bigint, text, text, text, text, text[], int[], int[], text[]) to desk_sealer;
