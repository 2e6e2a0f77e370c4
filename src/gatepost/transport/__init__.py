"""The only door out: a guarded HTTP client that knows whether bytes left, the traces it leaves, and the driver that
runs the adapters' flows over it.

addresses    which addresses may be connected to at all
egress       the interface of a client: exchange a request for a reply
client       tries a request's URLs over one of the two ways below
line         what a request crosses once, right before its first byte
http1        our own way, for plain exchanges
heads        its first half: a request checked, and the bytes before its body
answers      its second half: reads answers, within limits
connections  connections that are kept, and one timer for all of them
library      the way through a proxy, on aiohttp
tls          TLS contexts from a link: private CAs, client certificates without a key on disk
sockets      name resolution and sockets, both behind the address table
failures     what was raised, in our words
masking      finds secrets in any of their spellings and hides them
traces       what an exchange looked like, masked; the same as a curl command
cache        values that outlive a flow (tokens, cookies), one sign-in for all who wait
weighing     what an adapter made of an answer, against what its status allows
driver       runs a flow, and alone decides between accepted, refused, throttled, not sent and unknown
"""
