"""The engine's SQL. What each statement promises stands with the function of store.py that runs it."""

# The index is entered once per share, however many messages each has.
SHARES = """
    with recursive share as (
        (select lane, workspace_id, coalesce(campaign_id, 0) as campaign_id from outbox
          where gateway_id = %(gateway)s and held is null
          order by lane, workspace_id, coalesce(campaign_id, 0) limit 1)
        union all
        select next.* from share s cross join lateral (
               select lane, workspace_id, coalesce(campaign_id, 0) from outbox
                where gateway_id = %(gateway)s and held is null
                  and (lane, workspace_id, coalesce(campaign_id, 0)) > (s.lane, s.workspace_id, s.campaign_id)
                order by lane, workspace_id, coalesce(campaign_id, 0) limit 1) next)
    select s.lane, s.workspace_id, s.campaign_id from share s join workspace w on w.id = s.workspace_id
     where w.sending_enabled
"""
DUE = """
    select o.message_id, o.workspace_id, coalesce(o.campaign_id, 0), o.lane, m.created_at, o.expires_at, o.group_key,
           o.attempts, o.generation, o.resend_of, o.sender, m.to_digits, m.sender, m.body, m.encoding, m.segments,
           m.validity_s, m.kind, m.state = 'unknown', o.due_at
      from unnest(%(lanes)s::smallint[], %(workspaces)s::bigint[], %(campaigns)s::bigint[], %(after)s::timestamptz[],
                  %(after_ids)s::bigint[]) as share(lane, workspace_id, campaign_id, due_at, message_id)
     cross join lateral (
           select * from outbox o
            where o.gateway_id = %(gateway)s and o.lane = share.lane and o.held is null
              and o.workspace_id = share.workspace_id and coalesce(o.campaign_id, 0) = share.campaign_id
              and (o.due_at, o.message_id) > (coalesce(share.due_at, '-infinity'), coalesce(share.message_id, 0))
              and o.due_at <= now() and o.expires_at > now()
            order by o.due_at, o.message_id limit %(limit)s) o
      join message m on m.id = o.message_id
"""
# Neither this statement nor RECORD joins two lists of its own: without statistics of them that would take the square of
# their length. And each message is looked up by its id, never by the gateway ("+ 0" keeps its index away): a plan that
# was made while the queue was short, or before it was counted, would otherwise read all of it each time.
INTENT = """
    with lease as (select fence from gateway_lease where gateway_id = %(gateway)s and fence = %(fence)s for share),
         due as (select o.message_id, w.grp, w.position, w.generation, w.sender
                   from unnest(%(ids)s::bigint[], %(groups)s::int[], %(positions)s::int[], %(digits)s::text[],
                               %(generations)s::smallint[], %(senders)s::text[])
                            as w(message_id, grp, position, digits, generation, sender)
                  cross join lateral (
                        select o.message_id from outbox o
                         where o.message_id = w.message_id and o.gateway_id + 0 = %(gateway)s
                           and o.held is null and o.resend_of is null
                           and o.due_at <= now() and o.expires_at > now() and exists (select from lease)
                           and not exists (select from suppression s where s.digits = w.digits
                                              and (s.workspace_id is null or s.workspace_id = o.workspace_id))
                           for update of o skip locked) o),
         taken as (delete from outbox o using due d where o.message_id = d.message_id
                   returning d.message_id, d.grp, d.position, d.generation, d.sender)
    insert into submission (id, gateway_id, fence, message_ids, generations, senders, serial, settings_version,
                            is_resend)
    select (%(submissions)s::bigint[])[t.grp], %(gateway)s, %(fence)s, array_agg(t.message_id order by t.position),
           case when bool_or(t.generation > 0) then array_agg(t.generation order by t.position) end,
           case when bool_or(t.sender is not null) then array_agg(coalesce(t.sender, '') order by t.position) end,
           nextval('submission_serial'), %(version)s, coalesce(bool_or((%(resend)s::bool[])[t.grp]), false)
      from taken t group by t.grp
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
                        and (s.workspace_id is null or s.workspace_id = m.workspace_id)),
         noted as (insert into message_event (message_id, kind, detail)
                   select message_id, 'not sent again',
                          '{"why": "a number of its request must not be sent to any more"}'::jsonb
                     from taken where exists (select from blocked))
    update submission set fence = %(fence)s, done_at = null, cause = null, is_resend = true, intent_at = now()
     where id = %(submission)s and done_at is not null and exists (select from taken)
       and not exists (select from blocked)
    returning id, serial, message_ids, generations, senders
"""
MESSAGES_OF = """
    select m.id, m.workspace_id, coalesce(m.campaign_id, 0), m.lane, m.created_at, m.expires_at, 0::bigint, m.attempts,
           m.generation, null::bigint, null::text, m.to_digits, m.sender, m.body, m.encoding, m.segments,
           m.validity_s, m.kind,
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
    union all select gone.message_id, 'not sent again', '{"why": "the number must not be sent to any more"}'::jsonb
      from gone join message m on m.id = gone.message_id where m.state = 'unknown'
"""
# All or nothing: while the lease's row is locked, nobody else closes a submission of its fence, so what is still open
# stays so until here.
RECORD = """
    with lease as (select fence from gateway_lease where gateway_id = %(gateway)s and fence = %(fence)s for share),
         go as (select exists (select from lease)
                       and (select count(*) from submission where id = any(%(submission)s::bigint[])
                               and fence = %(fence)s and done_at is null) = %(closings)s as all_open),
         closed as (update submission s set done_at = now(), cause = c.cause, status = c.status, latency_ms = c.latency
                      from unnest(%(submission)s::bigint[], %(cause)s::text[], %(status)s::smallint[],
                                  %(latency)s::int[]) as c(id, cause, status, latency)
                     where s.id = c.id and (select all_open from go)),
         moved as (update message m set
                          state = case when o.state is not null and m.state in ('queued', 'unknown')
                                       then o.state else m.state end,
                          state_at = case when o.state is not null and m.state in ('queued', 'unknown')
                                          then now() else m.state_at end,
                          submission_id = o.submission_id, attempts = o.attempts,
                          generation = coalesce(case when o.due_at is null then o.generation
                                                     else o.again_generation end, 0),
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
                     from unnest(%(of)s::bigint[], %(message)s::bigint[], %(attempts)s::smallint[],
                                 %(generation)s::smallint[], %(state)s::text[], %(key)s::text[],
                                 %(segments)s::smallint[], %(price)s::numeric[], %(unit)s::text[],
                                 %(refusal)s::text[], %(code)s::text[], %(words)s::text[], %(used_sender)s::text[],
                                 %(due)s::timestamptz[], %(again_generation)s::smallint[], %(again_sender)s::text[],
                                 %(again_key)s::bigint[], %(again_of)s::bigint[], %(to_find)s::bool[])
                              as o(submission_id, message_id, attempts, generation, state, key, segments, price, unit,
                                   refusal, code, words, used_sender, due_at, again_generation, again_sender,
                                   again_key, again_of, to_find)
                    where m.id = o.message_id and (select all_open from go)
                   returning m.id, m.state, m.workspace_id, m.gateway_id, m.campaign_id, m.lane, m.expires_at,
                             m.generation, o.due_at, o.attempts, o.again_sender, o.again_key, o.again_of,
                             o.to_find),
         requeued as (insert into outbox (message_id, gateway_id, workspace_id, campaign_id, lane, due_at, expires_at,
                                          group_key, attempts, generation, resend_of, sender, held)
                      select id, gateway_id, workspace_id, campaign_id, lane, due_at, expires_at,
                             coalesce(again_key, 0), attempts, generation, again_of, again_sender,
                             (select 'campaign paused' from stopped_campaign c where c.campaign_id = moved.campaign_id)
                        from moved where due_at is not null and state in ('queued', 'unknown')
                      on conflict (message_id) do nothing),
         asked_later as (insert into status_query (message_id, gateway_id, due_at, until)
                         select id, %(gateway)s,
                                now() + case when to_find then %(find_after)s else %(query_after)s end::float8
                                        * interval '1 second',
                                now() + %(query_until)s::float8 * interval '1 second'
                           from moved
                          where (state = 'submitted' and %(query_after)s::float8 is not null)
                             or (state = 'unknown' and to_find)
                         on conflict (message_id) do update set due_at = excluded.due_at, asked = 0),
         named as (insert into message_part (gateway_id, key, message_id)
                   select %(gateway)s, * from unnest(%(part_key)s::text[], %(part_of)s::bigint[])
                    where (select all_open from go)
                   on conflict do nothing),
         noted as (insert into message_event (message_id, kind, detail)
                   select * from unnest(%(event_of)s::bigint[], %(event)s::text[], %(detail)s::jsonb[])
                    where (select all_open from go)),
         kept as (insert into exchange (submission_id, gateway_id, trace)
                  select submission, %(gateway)s, trace
                    from unnest(%(trace_of)s::bigint[], %(trace)s::jsonb[]) as e(submission, trace)
                   where (select all_open from go))
    select all_open, exists (select from lease) from go
"""
OPEN_OF = "select id from submission where id = any(%s) and fence = %s and done_at is null"
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
    union all select gone.message_id, 'not sent again', '{"why": "its time ran out"}'::jsonb
      from gone join message m on m.id = gone.message_id where m.state = 'unknown'
"""
# Both look at each share once and touch nothing that is as it should be. Rows that somebody else has locked come next
# time, so that nobody waits in a circle.
HOLD = """
    with recursive share as (
        (select lane, workspace_id from outbox where gateway_id = %(gateway)s and held is null
          order by lane, workspace_id limit 1)
        union all
        select next.* from share s cross join lateral (
               select lane, workspace_id from outbox
                where gateway_id = %(gateway)s and held is null and (lane, workspace_id) > (s.lane, s.workspace_id)
                order by lane, workspace_id limit 1) next),
         wrong as (
        select o.message_id
          from share s join gateway g on g.id = %(gateway)s join workspace w on w.id = s.workspace_id
          cross join lateral (
               select message_id from outbox
                where gateway_id = %(gateway)s and held is null and lane = s.lane and workspace_id = s.workspace_id
                order by coalesce(campaign_id, 0), due_at, message_id limit %(limit)s for update skip locked) o
         where not (g.is_active and g.sending_enabled and w.sending_enabled and %(enabled)s) limit %(limit)s)
    update outbox o set held = case when g.is_active then 'sending disabled' else 'gateway inactive' end
      from gateway g where g.id = %(gateway)s and o.message_id = any(array(select message_id from wrong))
"""
# Holds that somebody else set (a paused campaign) are not ours to lift.
RELEASE = """
    with recursive share as (
        (select held, workspace_id from outbox
          where gateway_id = %(gateway)s and held is not null order by held, workspace_id limit 1)
        union all
        select next.* from share s cross join lateral (
               select held, workspace_id from outbox
                where gateway_id = %(gateway)s and held is not null
                  and (held, workspace_id) > (s.held, s.workspace_id)
                order by held, workspace_id limit 1) next),
         wanted as (
        select s.workspace_id, s.held as before,
               case when not g.is_active then 'gateway inactive'
                    when not (g.sending_enabled and w.sending_enabled and %(enabled)s) then 'sending disabled'
               end as held
          from share s join gateway g on g.id = %(gateway)s join workspace w on w.id = s.workspace_id
         where s.held in ('gateway inactive', 'sending disabled')),
         wrong as (
        select o.message_id, wanted.held from wanted cross join lateral (
               select message_id from outbox
                where gateway_id = %(gateway)s and held = wanted.before and workspace_id = wanted.workspace_id
                limit %(limit)s for update skip locked) o
         where wanted.held is distinct from wanted.before limit %(limit)s)
    update outbox o set held = wrong.held from wrong where o.message_id = wrong.message_id
"""

# `not_before` lies a gap after the old owner's last moment, so that two owners never exceed the pace together.
TAKE_LEASE = """
    with leader as (select gateway_id from gateway_lease
                     where gateway_id = %(leader)s and worker_id = %(worker)s and expires_at > now() for share),
         before as (select gateway_id, not_before from gateway_lease where gateway_id = %(gateway)s for update),
         taken as (update gateway_lease l
                      set worker_id = %(worker)s, fence = l.fence + 1,
                          expires_at = now() + %(ttl)s * interval '1 second',
                          not_before = now() + (%(ttl)s + %(gap)s) * interval '1 second'
                     from before
                    where l.gateway_id = before.gateway_id and (l.worker_id is null or l.expires_at < now())
                      and (%(leader)s = %(gateway)s or exists (select from leader))
                   returning l.fence, before.not_before),
         made as (insert into gateway_lease (gateway_id, worker_id, fence, expires_at, not_before)
                  select %(gateway)s, %(worker)s, 1, now() + %(ttl)s * interval '1 second',
                         now() + (%(ttl)s + %(gap)s) * interval '1 second'
                   where not exists (select from before) and (%(leader)s = %(gateway)s or exists (select from leader))
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
TELL = """
    update gateway set paused_reason = %(why)s, slowed_to = %(slowed_to)s,
           paused_at = case when %(why)s <> '' then coalesce(paused_at, now()) end
     where id = %(gateway)s
"""
BEAT = """
    insert into worker (id, host, pid) values (%s, %s, %s) on conflict (id) do update set seen_at = now()
    returning clock_timestamp()
"""
GONE = "delete from worker where id = %s or seen_at < now() - interval '1 minute'"
FREE_GATEWAYS = """
    select g.id from gateway g left join gateway_lease l on l.gateway_id = g.id
     where l.gateway_id is null or l.worker_id is null or l.expires_at < now() order by g.id
"""
LIVING = """
    select w.id, count(l.*) from worker w left join gateway_lease l on l.worker_id = w.id and l.expires_at > now()
     where w.seen_at > now() - %s * interval '1 second' group by w.id
"""
CHANGED_AT = """
    select g.id, g.updated_at, max(o.updated_at), count(o.*) from gateway g join gateway o on o.provider = g.provider
     where g.id = any(%s) group by g.id
"""
COUNT_GATEWAYS = "select count(*) from gateway"
HAS_ORPHANS = "select (select 1 from orphan_receipt where gateway_id = %s order by key limit 1) is not null"
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
    with late as (select message_id from status_query where gateway_id = %s and until <= now()
                   order by until limit 5000 for update skip locked),
         over as (delete from status_query q using late where q.message_id = late.message_id returning q.message_id),
         ended as (update message m set state = 'unconfirmed', state_at = now() from over
                    where m.id = over.message_id and m.state = 'submitted' returning m.id)
    insert into message_event (message_id, kind, detail)
    select id, 'unconfirmed', '{"why": "no final report came in time"}'::jsonb from ended
"""
NAME_FOUND = """
    update message m set provider_ref = coalesce(m.provider_ref, r.key), submitted_at = coalesce(m.submitted_at, now())
      from unnest(%s::text[], %s::bigint[]) as r(key, id) where m.id = r.id
"""
# What a person sends again stays unknown until an answer says more; what the provider never saw is queued anew. Where
# the gateway was deleted there is no way to send it.
SEND_AGAIN = """
    with again as (update message
                      set state = %(state)s::text, left_at = null,
                          expires_at = greatest(expires_at, now() + interval '1 day'),
                          state_at = case when state = %(state)s::text then state_at else now() end
                    where id = any(%(ids)s) and state = 'unknown'
                      and exists (select from gateway g where g.id = message.gateway_id)
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
