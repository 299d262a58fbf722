#ifndef GITOPS_COMMON_HTTP_STATUS_SESSION_H_
#define GITOPS_COMMON_HTTP_STATUS_SESSION_H_

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "common/http/status_server.h"

namespace gitops {

// Serves one connection, TCP or unix: requests one after the other, until the client is done, too
// slow, or wrong. `options` must outlive it.
boost::asio::awaitable<void> ServeStatusConnection(
    boost::asio::generic::stream_protocol::socket socket, const StatusServerOptions& options);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STATUS_SESSION_H_
