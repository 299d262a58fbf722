#ifndef GITOPS_COMMON_HTTP_STATUS_PAGES_H_
#define GITOPS_COMMON_HTTP_STATUS_PAGES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/http/status_server.h"

namespace gitops {

// An answer of the status server, before it is written as HTTP.
struct StatusPage {
  int code = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

// The page for `method` and `target` (which may have a query): the routes, without the network. A
// function of `options` that throws makes a 500.
StatusPage RenderStatusPage(const StatusServerOptions& options, absl::string_view method,
                            absl::string_view target);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STATUS_PAGES_H_
