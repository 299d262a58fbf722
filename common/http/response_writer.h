#ifndef GITOPS_COMMON_HTTP_RESPONSE_WRITER_H_
#define GITOPS_COMMON_HTTP_RESPONSE_WRITER_H_

#include <string>

#include "common/http/asio_types.h"
#include "common/http/message.h"
#include "common/http/stream.h"

namespace gitops {

// The properties of the request that affect its answer.
struct HttpResponseTerms {
  unsigned version = 11;  // HTTP version: 10 or 11
  bool head_only = false;
  bool keep_alive = false;
  std::string date;
};

// Writers of answers. They return false if the connection is lost. The stream and its data must
// outlive the call.
HttpAwaitable<bool> WriteResponse(HttpStream& stream, HttpServerResponse response,
                                  HttpResponseTerms terms);
HttpAwaitable<bool> WriteStreamHead(HttpStream& stream, HttpServerResponse head,
                                    HttpResponseTerms terms);
HttpAwaitable<bool> WriteStreamData(HttpStream& stream, const std::string& data, bool chunked);
// The end of a chunked stream.
HttpAwaitable<bool> WriteStreamEnd(HttpStream& stream);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RESPONSE_WRITER_H_
