/** A WebSocket that a test holds the other end of. */
export class FakeSocket {
  static made: FakeSocket[] = [];

  static get last(): FakeSocket {
    return FakeSocket.made[FakeSocket.made.length - 1];
  }

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  readyState = 0;
  /** What was said to the server. */
  readonly heard: Record<string, string>[] = [];

  send(text: string): void {
    this.heard.push(JSON.parse(text) as Record<string, string>);
  }

  close(): void {
    this.readyState = 3;
  }

  /** The server takes the connection. */
  open(): this {
    this.readyState = 1;
    this.onopen?.();
    return this;
  }

  /** The server says something. */
  say(news: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(news) });
  }

  /** The connection breaks, or never came. */
  lose(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}
