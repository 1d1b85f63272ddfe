// SPDX-License-Identifier: MIT
// How node's parser (llhttp) frames sequences of messages: the other half of frames.c, with the
// same lines on stdout. Each line on stdin has a word more: where to cut the bytes, so that the one
// that should end a message comes alone. Knows of HTTP only what node's own client and server tell
// the parser; judges nothing (run).
'use strict';

const { HTTPParser, methods, allMethods } = process.binding('http_parser');
const HEAD_MAX = 65536; // more than the relay's

const hex = (text) => Buffer.from(text, 'latin1').toString('hex') || '-';
const lines = [];

class Sequence {
  constructor(kind, methods) {
    this.methods = methods;
    this.request = 0;
    this.message = null;
    this.kind = kind;
    this.parser = new HTTPParser();
    this.begin();
    this.parser[HTTPParser.kOnHeaders | 0] = (fields, url) => {
      this.early = this.early.concat(fields);
      this.url += url || '';
    };
    this.parser[HTTPParser.kOnHeadersComplete | 0] = this.head.bind(this);
    this.parser[HTTPParser.kOnBody | 0] = this.body.bind(this);
    this.parser[HTTPParser.kOnMessageComplete | 0] = () => this.end('whole');
    this.early = [];
    this.url = '';
  }

  begin() {
    this.parser.initialize(this.kind, {}, HEAD_MAX, 0);
    this.answered = false;
  }

  head(major, minor, fields, method, url, status, reason, upgrade, keep) {
    // What did not fit into one call was told before.
    const all = this.early.concat(fields || []);
    const first = status ? `${status}` : `${(allMethods || methods)[method]} ${url === undefined ? this.url : url}`;
    this.message = { major, minor, all, first, upgrade, keep, body: '' };
    this.early = [];
    this.url = '';
    if (!status) return 0;
    const to = this.methods[Math.min(this.request, this.methods.length - 1)];
    if (status >= 200) this.request++;
    // As node's client does.
    this.message.tunnel = status === 101 || (to === 'C' && status >= 200 && status < 300);
    if (this.message.tunnel) return 2;
    return status < 200 || to === 'H' || status === 304 ? 1 : 0;
  }

  body(bytes, offset, length) {
    this.message.body += bytes.latin1Slice(offset || 0, length === undefined ? bytes.length : offset + length);
  }

  end(word) {
    const m = this.message;
    if (!m) return;
    let fields = '';
    for (let i = 0; i < m.all.length; i += 2)
      fields += `${Buffer.from(m.all[i], 'latin1').toString('hex')}=${Buffer.from(m.all[i + 1], 'latin1').toString('hex')},`;
    lines.push(`${word} ${this.at} ${m.major === 1 ? m.minor : `${m.major}.${m.minor}`} ` +
      `${+m.keep} ${+m.upgrade} ${hex(m.first)} ${fields || '-'} ${hex(m.body)}`);
    this.message = null;
    this.early = [];
    this.url = '';
    this.answered = this.kind === HTTPParser.RESPONSE && m.first >= '200';
    this.tunnel = m.tunnel || m.first.startsWith('CONNECT ');
  }

  // The rest of a piece that the parser left behind an Upgrade, which nobody here accepts, is the
  // next message: node's server goes on so.
  feed(piece) {
    while (piece.length > 0 && !this.tunnel) {
      const taken = this.parser.execute(piece);
      if (taken instanceof Error) {
        this.end('part');
        return taken.code;
      }
      if (taken === 0) return 'STUCK'; // after an Upgrade it does not say what it refuses
      piece = piece.subarray(taken);
    }
    return null;
  }

  run(bytes, cuts) {
    let before = 0;
    for (const cut of cuts.concat(bytes.length)) {
      this.at = cut;
      if (this.answered) this.begin(); // node's client has a new parser for each response
      const code = this.feed(bytes.subarray(before, cut));
      if (code) return `refused ${code} ${cut}`;
      if (this.tunnel) return `tunnel 0 ${cut}`;
      before = cut;
    }
    const open = this.message;
    const error = this.parser.finish();
    if (error instanceof Error || this.message) {
      this.end('part');
      return `more 0 ${before}`;
    }
    return `${open ? 'closes' : 'done'} 0 ${before}`;
  }
}

for (const line of require('fs').readFileSync(0, 'latin1').split('\n')) {
  if (!line) continue;
  const words = line.split(' ');
  const response = words[0] === 'R';
  const [text, cuts] = words.slice(response ? 2 : 1);
  const sequence = new Sequence(response ? HTTPParser.RESPONSE : HTTPParser.REQUEST, response ? words[1] : '');
  const last = sequence.run(Buffer.from(text, 'hex'), cuts ? cuts.split(',').map(Number) : []);
  sequence.parser.close();
  lines.push(last);
}
process.stdout.write(lines.join('\n') + '\n');
