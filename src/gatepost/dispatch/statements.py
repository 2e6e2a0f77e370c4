"""The engine's SQL. What each statement promises stands with the function of store.py that runs it."""

DUE = """
    select o.message_id, o.workspace_id, o.lane, m.created_at, o.expires_at, o.group_key, o.attempts, o.generation,
           o.resend_of, o.sender, m.to_digits, m.sender, m.body, m.encoding, m.segments, m.validity_s, m.kind,
           m.state = 'unknown'
      from outbox o join message m on m.id = o.message_id
     where o.gateway_id = %(gateway)s and o.lane = %(lane)s and o.held is null and o.due_at <= now()
       and o.expires_at > now() and o.message_id <> all(%(known)s)
     order by o.gateway_id, o.lane, o.due_at, o.message_id
     limit %(limit)s
"""
INTENT = """
    with lease as (select fence from gateway_lease where gateway_id = %(gateway)s and fence = %(fence)s for share),
         want as (select * from unnest(%(ids)s::bigint[], %(groups)s::int[], %(positions)s::int[], %(digits)s::text[],
                                       %(generations)s::smallint[], %(senders)s::text[])
                      as w(message_id, grp, position, digits, generation, sender)),
         due as (select o.message_id from outbox o join want w using (message_id)
                  where o.gateway_id = %(gateway)s and o.held is null and o.resend_of is null
                    and o.due_at <= now() and o.expires_at > now() and exists (select from lease)
                    and not exists (select from suppression s where s.digits = w.digits
                                       and (s.workspace_id is null or s.workspace_id = o.workspace_id))
                    for update of o skip locked),
         taken as (delete from outbox o using due where o.message_id = due.message_id returning o.message_id)
    insert into submission (id, gateway_id, fence, message_ids, generations, senders, serial, settings_version,
                            is_resend)
    select (%(submissions)s::bigint[])[w.grp], %(gateway)s, %(fence)s, array_agg(w.message_id order by w.position),
           case when bool_or(w.generation > 0) then array_agg(w.generation order by w.position) end,
           case when bool_or(w.sender is not null) then array_agg(coalesce(w.sender, '') order by w.position) end,
           nextval('submission_serial'), %(version)s, bool_or((%(resend)s::bool[])[w.grp])
      from taken join want w using (message_id) group by w.grp
    returning id, serial, message_ids
"""
REPEAT = """
    with lease as (select fence from gateway_lease where gateway_id = %(gateway)s and fence = %(fence)s for share),
         part as (select unnest(message_ids) as message_id from submission
                   where id = %(submission)s and gateway_id = %(gateway)s and done_at is not null),
         due as (select o.message_id from outbox o join part using (message_id)
                  where o.resend_of = %(submission)s and exists (select from lease)
                  order by o.message_id for update of o),
         taken as (delete from outbox o using due where o.message_id = due.message_id returning o.message_id),
         blocked as (select from part join message m on m.id = part.message_id
                       join suppression s on s.digits = m.to_digits
                        and (s.workspace_id is null or s.workspace_id = m.workspace_id))
    update submission set fence = %(fence)s, done_at = null, cause = null, is_resend = true, intent_at = now()
     where id = %(submission)s and done_at is not null and exists (select from taken)
       and not exists (select from blocked)
    returning id, serial, message_ids, generations, senders
"""
MESSAGES_OF = """
    select m.id, m.workspace_id, m.lane, m.created_at, m.expires_at, 0::bigint, m.attempts, m.generation,
           null::bigint, null::text, m.to_digits, m.sender, m.body, m.encoding, m.segments, m.validity_s, m.kind,
           m.state = 'unknown'
      from message m where m.id = any(%s)
"""
SUPPRESSED = """
    with hit as (select o.message_id from outbox o join message m on m.id = o.message_id
                  where o.message_id = any(%(ids)s) and exists (
                        select from suppression s where s.digits = m.to_digits
                           and (s.workspace_id is null or s.workspace_id = o.workspace_id))),
         gone as (delete from outbox o using hit where o.message_id = hit.message_id returning o.message_id),
         blocked as (update message m set state = 'blocked', state_at = now(), refusal = 'blocked',
                            words = 'on the suppression list'
                       from gone where m.id = gone.message_id and m.state = 'queued' returning m.id)
    insert into message_event (message_id, kind, detail)
    select id, 'blocked', '{"words": "on the suppression list"}'::jsonb from blocked
"""
RECORD = """
    with lease as (select fence from gateway_lease where gateway_id = %(gateway)s and fence = %(fence)s for share),
         closing as (select * from unnest(%(submission)s::bigint[], %(cause)s::text[], %(status)s::smallint[],
                                          %(latency)s::int[]) as c(id, cause, status, latency)),
         closed as (update submission s set done_at = now(), cause = c.cause, status = c.status, latency_ms = c.latency
                      from closing c
                     where s.id = c.id and s.done_at is null and s.fence = %(fence)s and exists (select from lease)
                    returning s.id),
         outcome as (select o.* from unnest(
                         %(of)s::bigint[], %(message)s::bigint[], %(state)s::text[], %(key)s::text[],
                         %(segments)s::smallint[], %(price)s::numeric[], %(unit)s::text[], %(refusal)s::text[],
                         %(code)s::text[], %(words)s::text[], %(attempts)s::smallint[], %(generation)s::smallint[],
                         %(used_sender)s::text[], %(due)s::timestamptz[], %(again_generation)s::smallint[],
                         %(again_sender)s::text[], %(again_key)s::bigint[], %(again_of)s::bigint[])
                         as o(submission_id, message_id, state, key, segments, price, unit, refusal, code, words,
                              attempts, generation, used_sender, due_at, again_generation, again_sender, again_key,
                              again_of)
                      join closed c on c.id = o.submission_id),
         moved as (update message m set
                          state = case when o.state is not null and m.state in ('queued', 'unknown')
                                       then o.state else m.state end,
                          state_at = case when o.state is not null and m.state in ('queued', 'unknown')
                                          then now() else m.state_at end,
                          submission_id = o.submission_id, attempts = o.attempts,
                          generation = case when o.due_at is null then o.generation else o.again_generation end,
                          sender = coalesce(o.used_sender, m.sender),
                          sender_reason = case when o.used_sender is null then m.sender_reason else 'fallback' end,
                          provider_ref = coalesce(o.key, m.provider_ref),
                          segments = coalesce(o.segments, m.segments),
                          submitted_at = case when o.state in ('submitted', 'delivered', 'unconfirmed')
                                              then coalesce(m.submitted_at, now()) else m.submitted_at end,
                          price = coalesce(o.price, m.price), price_unit = coalesce(o.unit, m.price_unit),
                          refusal = case when m.state in ('queued', 'unknown') then o.refusal else m.refusal end,
                          code = case when m.state in ('queued', 'unknown') then o.code else m.code end,
                          words = case when m.state in ('queued', 'unknown') then o.words else m.words end
                     from outcome o where m.id = o.message_id
                   returning m.id, m.state, m.workspace_id, m.gateway_id, m.campaign_id, m.lane, m.expires_at),
         requeued as (insert into outbox (message_id, gateway_id, workspace_id, campaign_id, lane, due_at, expires_at,
                                          group_key, attempts, generation, resend_of, sender)
                      select m.id, m.gateway_id, m.workspace_id, m.campaign_id, m.lane, o.due_at, m.expires_at,
                             o.again_key, o.attempts, o.again_generation, o.again_of, o.again_sender
                        from moved m join outcome o on o.message_id = m.id
                       where o.due_at is not null and m.state in ('queued', 'unknown')
                      on conflict (message_id) do nothing)
    select array(select id from closed), exists (select from lease)
"""
PARTS = """
    insert into message_part (gateway_id, key, message_id) select %s, * from unnest(%s::text[], %s::bigint[])
    on conflict do nothing
"""
EVENTS = """
    insert into message_event (message_id, kind, detail)
    select * from unnest(%s::bigint[], %s::text[], %s::jsonb[])
"""
EXCHANGES = """
    insert into exchange (submission_id, gateway_id, trace)
    select submission, %s, trace from unnest(%s::bigint[], %s::jsonb[]) as e(submission, trace)
"""
ASK_LATER = """
    insert into status_query (message_id, gateway_id, due_at, until)
    select id, %(gateway)s, now() + %(first)s * interval '1 second', now() + %(until)s * interval '1 second'
      from message where id = any(%(ids)s) and state = any(%(states)s)
    on conflict (message_id) do update set due_at = excluded.due_at, asked = 0
"""
ADOPT = """
    update submission set fence = %(fence)s
     where gateway_id = %(gateway)s and done_at is null and fence <= %(fence)s and id <> all(%(open)s)
    returning id, serial, message_ids, generations, senders, intent_at, is_resend
"""
EXPIRE = """
    with late as (select message_id from outbox where gateway_id = %s and expires_at <= now()
                   order by expires_at limit 5000 for update skip locked),
         gone as (delete from outbox o using late where o.message_id = late.message_id returning o.message_id),
         expired as (update message m set state = 'expired', state_at = now() from gone
                      where m.id = gone.message_id and m.state = 'queued' returning m.id)
    insert into message_event (message_id, kind, detail) select id, 'expired', '{}'::jsonb from expired
"""
# Holds that somebody else set (a paused campaign) are not ours to lift.
REFRESH_HOLDS = """
    update outbox o set held = h.held
      from (select o.message_id, case when not g.is_active then 'gateway inactive'
                                      when not (g.sending_enabled and w.sending_enabled and %(enabled)s)
                                      then 'sending disabled' end as held
              from outbox o join gateway g on g.id = o.gateway_id join workspace w on w.id = o.workspace_id
             where o.gateway_id = %(gateway)s
               and (o.held is null or o.held in ('gateway inactive', 'sending disabled'))) h
     where o.message_id = h.message_id and o.held is distinct from h.held
"""

# `not_before` lies a gap after the old owner's last moment, so that two owners never exceed the pace together.
TAKE_LEASE = """
    with before as (select gateway_id, not_before from gateway_lease where gateway_id = %(gateway)s for update),
         taken as (update gateway_lease l
                      set worker_id = %(worker)s, fence = l.fence + 1,
                          expires_at = now() + %(ttl)s * interval '1 second',
                          not_before = now() + (%(ttl)s + %(gap)s) * interval '1 second'
                     from before
                    where l.gateway_id = before.gateway_id and (l.worker_id is null or l.expires_at < now())
                   returning l.fence, before.not_before),
         made as (insert into gateway_lease (gateway_id, worker_id, fence, expires_at, not_before)
                  select %(gateway)s, %(worker)s, 1, now() + %(ttl)s * interval '1 second',
                         now() + (%(ttl)s + %(gap)s) * interval '1 second'
                   where not exists (select from before)
                  on conflict do nothing returning fence)
    select fence, greatest(0, extract(epoch from not_before - now()))::float8 from taken
    union all select fence, 0::float8 from made
"""
RENEW_LEASES = """
    update gateway_lease l set expires_at = now() + %(ttl)s * interval '1 second',
                               not_before = now() + (%(ttl)s + %(gap)s) * interval '1 second'
      from unnest(%(gateways)s::bigint[], %(fences)s::bigint[]) as mine(gateway_id, fence)
     where l.gateway_id = mine.gateway_id and l.fence = mine.fence and l.worker_id = %(worker)s
    returning l.gateway_id
"""
RELEASE_LEASE = """
    update gateway_lease set worker_id = null, expires_at = now(), not_before = now() + interval '1 second'
     where gateway_id = %s and fence = %s
"""
BEAT = """
    insert into worker (id, host, pid) values (%s, %s, %s) on conflict (id) do update set seen_at = now()
"""
GONE = "delete from worker where id = %s or seen_at < now() - interval '1 minute'"
FREE_GATEWAYS = """
    select g.id from gateway g left join gateway_lease l on l.gateway_id = g.id
     where l.gateway_id is null or l.worker_id is null or l.expires_at < now() order by g.id
"""
LIVING = "select count(*) from worker where seen_at > now() - interval '5 seconds'"
CHANGED_AT = "select id, updated_at from gateway where id = any(%s)"
COUNT_GATEWAYS = "select count(*) from gateway"
HAS_ORPHANS = "select exists (select from orphan_receipt where gateway_id = %s)"
UNACCOUNTED = """
    select id, serial, message_ids, generations, senders, intent_at, is_resend
      from submission where gateway_id = %s and fence = %s and done_at is null and id <> all(%s)
"""
TO_ASK = """
    select q.message_id, m.state, m.generation, m.provider_ref,
           array(select key from message_part p where p.message_id = m.id order by p.id), m.to_digits, m.sender,
           s.serial, m.submitted_at, q.asked
      from status_query q join message m on m.id = q.message_id left join submission s on s.id = m.submission_id
     where q.gateway_id = %s and q.due_at <= now() and m.state in ('submitted', 'unknown')
     order by q.due_at limit %s
"""
ASKED = """
    update status_query set asked = asked + 1,
           due_at = now() + least(%s * power(2, least(asked, 12)), %s) * interval '1 second'
     where message_id = any(%s)
"""
# After so long no report will come: the message was accepted, and that is all we shall know.
GIVE_UP_ASKING = """
    with over as (delete from status_query where gateway_id = %s and until <= now() returning message_id)
    update message m set state = 'unconfirmed', state_at = now() from over
     where m.id = over.message_id and m.state = 'submitted'
"""
NAME_FOUND = """
    update message m set provider_ref = coalesce(m.provider_ref, r.key), submitted_at = coalesce(m.submitted_at, now())
      from unnest(%s::text[], %s::bigint[]) as r(key, id) where m.id = r.id
"""
# What a person sends again stays unknown until an answer says more; what the provider never saw is queued anew.
SEND_AGAIN = """
    with again as (update message
                      set state = %(state)s::text, left_at = null,
                          expires_at = greatest(expires_at, now() + interval '1 day'),
                          state_at = case when state = %(state)s::text then state_at else now() end
                    where id = any(%(ids)s) and state = 'unknown'
                   returning id, gateway_id, workspace_id, campaign_id, lane, attempts, generation, expires_at),
         unasked as (delete from status_query q using again where q.message_id = again.id),
         queued as (insert into outbox (message_id, gateway_id, workspace_id, campaign_id, lane, due_at, expires_at,
                                        group_key, attempts, generation)
                    select id, gateway_id, workspace_id, campaign_id, lane, now(), expires_at, id, attempts, generation
                      from again
                    on conflict (message_id) do update
                       set due_at = now(), expires_at = excluded.expires_at, group_key = excluded.group_key,
                           resend_of = null),
         noted as (insert into message_event (message_id, kind, detail)
                   select id, 'send again', jsonb_build_object('why', %(why)s::text, 'by', %(by)s::text) from again)
    select id, gateway_id from again
"""
CURSOR = "select cursor, due_at from feed_cursor where gateway_id = %s and feed = %s"
MOVE_CURSOR = """
    insert into feed_cursor (gateway_id, feed, cursor, due_at) values (%s, %s, %s, now() + %s * interval '1 second')
    on conflict (gateway_id, feed) do update set cursor = excluded.cursor, due_at = excluded.due_at
"""
