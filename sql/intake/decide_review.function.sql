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
  v_review public.review_queue;
begin
  if v_person is null then
    raise exception 'nobody is named as deciding' using errcode = 'TR509';
  elsif p_decision not in ('approved', 'refused') or length(trim(p_reason)) = 0 then
    raise exception 'a review is approved or refused, with a reason' using errcode = 'TR507';
  end if;
  update public.review_queue r
     set state = p_decision, decided_by = v_person, decision_reason = p_reason,
         decided_at = clock_timestamp()
   where r.review_id = p_review_id and r.state = 'open'
     and (v_claims is null or v_claims ->> 'org_id' = r.org_id)
  returning r.* into v_review;
  if not found then
    select r.* into v_review from public.review_queue r
     where r.review_id = p_review_id and r.state = p_decision and r.decided_by = v_person;
    if not found then
      raise exception 'review is not open to this person' using errcode = 'TR240';
    end if;
    -- The same person saying the same again changes nothing.
    return jsonb_build_object('review_id', p_review_id, 'state', v_review.state);
  end if;

  if p_decision = 'refused' then
    perform ops.record_outcome(v_review.correlation_id, v_review.org_id, 'denied', 'TR241',
                               'review', v_review.decided_at);
  elsif v_review.kind = 'alert' then
    if not exists (select from public.signals_raw a
                    where a.alert_id = v_review.subject_id and a.understood) then
      raise exception 'a body that was not understood cannot be sent on'
        using errcode = 'TR211';
    end if;
    perform bus.deliver_row('intake', 'review', v_review.review_id,
                            upper(left(a.parsed ->> 'symbol_raw', 64)), v_review.org_id,
                            v_review.correlation_id, 86400000)
       from public.signals_raw a where a.alert_id = v_review.subject_id;
  elsif v_review.kind = 'signal' then
    perform bus.deliver_row('rationale_scorer', 'review', v_review.review_id, g.symbol,
                            v_review.org_id, v_review.correlation_id, 86400000)
       from public.signals_normalized g where g.signal_id = v_review.subject_id;
  end if;
  return jsonb_build_object('review_id', p_review_id, 'state', v_review.state);
end $$;
