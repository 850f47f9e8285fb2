/** What a client says of itself; empty when it says nothing. */
export interface ClientHeaders {
  readonly userAgent: string;
  readonly referer: string;
  readonly forwardedFor: string;
}

export function clientHeadersOf(header: (name: string) => string | undefined): ClientHeaders {
  const said = (name: string) => header(name) ?? '';
  return { userAgent: said('user-agent'), referer: said('referer'), forwardedFor: said('x-forwarded-for') };
}
