create or replace function intake.decide_review(
  p_review_id uuid, p_decision text, p_reason text)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  -- The session says who decides; claims count only where the API or PostgREST set them.
  v_claims jsonb := case when session_user in ('desk_api', 'authenticator')
    then nullif(current_setting('request.jwt.claims', true), '')::jsonb end;
  v_person text := case when session_user in ('desk_api', 'authenticator')
    then v_claims ->> 'sub' else session_user::text end;
  v_organizations text[] := ops.readable_organizations();
  v_review public.review_queue;
begin
  if v_person is null then
    raise exception 'nobody is named as deciding' using errcode = 'TR509';
  elsif coalesce(p_decision, '') not in ('approved', 'refused')
     or coalesce(trim(p_reason), '') = '' then
    raise exception 'a review is approved or refused, with a reason' using errcode = 'TR507';
  end if;
  update public.review_queue r
     set state = p_decision, decided_by = v_person, decision_reason = p_reason,
         decided_at = clock_timestamp()
   where r.review_id = p_review_id and r.state = 'open'
     and (session_user = 'desk_operator' or r.org_id = any (v_organizations))
  returning r.* into v_review;
  if not found then
    select r.* into v_review from public.review_queue r
     where r.review_id = p_review_id
       and (session_user = 'desk_operator' or r.org_id = any (v_organizations));
    if not found then
      raise exception 'no such review for this person' using errcode = 'TR239';
    elsif v_review.state <> p_decision or v_review.decided_by is distinct from v_person then
      raise exception 'the review was decided before: %', v_review.state using errcode = 'TR240';
    end if;
    -- The same person saying the same again changes nothing.
    return jsonb_build_object('review_id', p_review_id, 'state', v_review.state);
  end if;

  insert into public.review_labels
    (review_id, org_id, correlation_id, kind, rationale_id, label, labelled_by, reason,
     labelled_at)
  values
    (v_review.review_id, v_review.org_id, v_review.correlation_id, v_review.kind,
     (select r.rationale_id from public.strategy_rationales r
       where v_review.kind = 'signal' and r.signal_id = v_review.subject_id),
     p_decision, v_person, p_reason, v_review.decided_at);
  if p_decision = 'refused' then
    perform ops.record_outcome(v_review.correlation_id, v_review.org_id, 'denied', 'TR241',
                               'review', v_review.decided_at);
  elsif v_review.kind = 'alert' then
    -- What was read after the answer counts for alerts whose door did not read them.
    if not exists (select from public.signals_raw a
                     left join intake.readings d on d.alert_id = a.alert_id
                    where a.alert_id = v_review.subject_id
                      and coalesce(d.understood, a.understood)) then
      raise exception 'a body that was not understood cannot be sent on'
        using errcode = 'TR211';
    end if;
    perform bus.deliver_row('intake', 'review', v_review.review_id,
                            upper(left(coalesce(d.parsed, a.parsed) ->> 'symbol_raw', 64)),
                            v_review.org_id, v_review.correlation_id, 86400000)
       from public.signals_raw a
       left join intake.readings d on d.alert_id = a.alert_id
      where a.alert_id = v_review.subject_id;
  elsif v_review.kind = 'signal' then
    perform bus.deliver_row('rationale_scorer', 'review', v_review.review_id, g.symbol,
                            v_review.org_id, v_review.correlation_id, 86400000)
       from public.signals_normalized g where g.signal_id = v_review.subject_id;
  end if;
  return jsonb_build_object('review_id', p_review_id, 'state', v_review.state);
end $$;
comment on function intake.decide_review(uuid, text, text) is
  'Approve or refuse an open review with a reason, kept as a label; approved goes on, refused ends denied. TR211: a body that was not understood cannot go on. TR239: no such review. TR240: decided before. TR507: no reason, or neither word. TR509: nobody is named.';
grant execute on function intake.decide_review(uuid, text, text) to desk_operator, desk_api;
