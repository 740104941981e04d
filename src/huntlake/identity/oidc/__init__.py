"""People who are known elsewhere: OpenID Connect with an outside provider, authorization code and PKCE.

https://openid.net/specs/openid-connect-core-1_0.html, and RFC 9700 for what can be done to it.
"""
