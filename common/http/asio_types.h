#ifndef GITOPS_COMMON_HTTP_ASIO_TYPES_H_
#define GITOPS_COMMON_HTTP_ASIO_TYPES_H_

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace gitops {

// The HTTP server's sockets (TCP and unix), timers and coroutines, without type-erased executors,
// which would cost memory per connection.
using HttpExecutor = boost::asio::io_context::executor_type;
using HttpSocket =
    boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, HttpExecutor>;
using HttpAcceptor =
    boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol, HttpExecutor>;
using HttpTimer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, HttpExecutor>;

template <typename Result>
using HttpAwaitable = boost::asio::awaitable<Result, HttpExecutor>;
// Awaits an operation; the result is a tuple that starts with the error code.
inline constexpr auto kHttpAwait =
    boost::asio::as_tuple(boost::asio::use_awaitable_t<HttpExecutor>());

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_ASIO_TYPES_H_
