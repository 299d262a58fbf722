#ifndef GITOPS_COMMON_HTTP_RESPONSE_WRITER_H_
#define GITOPS_COMMON_HTTP_RESPONSE_WRITER_H_

#include <string>

#include "common/http/asio_types.h"
#include "common/http/message.h"

namespace gitops {

// How an answer fits its request.
struct HttpResponseTerms {
  unsigned version = 11;  // of HTTP: 10 or 11
  bool head_only = false;
  bool keep_alive = false;
  std::string date;
};

// Writers of answers. False: the connection is lost. The socket and, of streams, the data must stay
// until they return.
HttpAwaitable<bool> WriteResponse(HttpSocket& socket, HttpServerResponse response,
                                  HttpResponseTerms terms);
HttpAwaitable<bool> WriteStreamHead(HttpSocket& socket, HttpServerResponse head,
                                    HttpResponseTerms terms);
HttpAwaitable<bool> WriteStreamData(HttpSocket& socket, const std::string& data, bool chunked);
// Of a chunked stream.
HttpAwaitable<bool> WriteStreamEnd(HttpSocket& socket);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RESPONSE_WRITER_H_
