// SPDX-License-Identifier: MIT
// An application under node's own http server, which says of each request what it saw of it. Its
// port is the first line on stdout; `GET /count` is answered with how many requests it has seen to
// their end.
'use strict';

const http = require('http');

let seen = 0;

const server = http.createServer({ maxHeaderSize: 65536 }, (request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    if (request.url === '/count') {
      response.end(JSON.stringify({ seen }));
      return;
    }
    seen++;
    const fields = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      fields.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    const hex = (text) => Buffer.from(text, 'latin1').toString('hex') || '-';
    response.writeHead(200, {
      'X-Seen': seen,
      'X-First': hex(`${request.method} ${request.url}`),
      'X-Fields': hex(fields.join('\r\n')),
      'X-Body': Buffer.concat(pieces).toString('hex') || '-',
      'Content-Length': 4,
    });
    response.end('seen');
  });
});

// Whatever it expects, it is a request.
server.on('checkExpectation', (request, response) => server.emit('request', request, response));
// A connection that the relay keeps is never ended by us.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
// Ends with who started it.
process.stdin.on('end', () => process.exit(0)).resume();
