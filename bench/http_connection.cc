#include "bench/http_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

absl::Status Failed(absl::string_view what) { return absl::ErrnoToStatus(errno, what); }

absl::StatusOr<sockaddr_in> Resolve(const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  sockaddr_in found = {};
  found.sin_family = AF_INET;
  uint32_t port = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &port) || port > 65535 ||
      inet_pton(AF_INET, parts[0].c_str(), &found.sin_addr) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is not an address such as 127.0.0.1:8000"));
  }
  found.sin_port = htons(static_cast<uint16_t>(port));
  return found;
}

bool MayHaveBody(int status) { return status != 204 && status != 304; }

}  // namespace

absl::StatusOr<std::optional<HttpAnswer>> TakeAnswer(std::string& received) {
  const size_t end = received.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  const absl::string_view head = absl::string_view(received).substr(0, end);
  HttpAnswer answer;
  if (!absl::StartsWith(head, "HTTP/1.1 ") ||
      !absl::SimpleAtoi(head.substr(9, 3), &answer.status)) {
    return absl::InvalidArgumentError(absl::StrCat("no HTTP/1.1 answer: ", head.substr(0, 100)));
  }
  std::optional<size_t> length;
  for (absl::string_view line : absl::StrSplit(head, "\r\n")) {
    const auto colon = line.find(':');
    if (colon == absl::string_view::npos) continue;
    const absl::string_view name = line.substr(0, colon);
    const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
    size_t number = 0;
    if (absl::EqualsIgnoreCase(name, "content-length") && absl::SimpleAtoi(value, &number)) {
      length = number;
    } else if (absl::EqualsIgnoreCase(name, "location")) {
      answer.location = std::string(value);
    }
  }
  if (!length.has_value() && MayHaveBody(answer.status)) {
    return absl::InvalidArgumentError(
        absl::StrCat("an answer without Content-Length: ", head.substr(0, 200)));
  }
  const size_t whole = end + 4 + length.value_or(0);
  if (received.size() < whole) return std::nullopt;
  answer.body = received.substr(end + 4, length.value_or(0));
  received.erase(0, whole);
  return answer;
}

absl::Status HttpConnection::Open(const std::string& address) {
  Close();
  const absl::StatusOr<sockaddr_in> peer = Resolve(address);
  if (!peer.ok()) return peer.status();
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Failed("cannot make a socket");
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&*peer), sizeof(*peer)) != 0) {
    return Failed(absl::StrCat("cannot connect to ", address));
  }
  return absl::OkStatus();
}

void HttpConnection::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  received_.clear();
}

absl::Status HttpConnection::Send(absl::string_view request) {
  while (!request.empty()) {
    const ssize_t sent = send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Failed("cannot send a request");
    request.remove_prefix(sent);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<HttpAnswer>> HttpConnection::Receive() {
  char buffer[16 << 10];
  const ssize_t count = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (count < 0) return Failed("cannot read an answer");
  if (count == 0) return absl::UnavailableError("the server closed the connection");
  received_.append(buffer, count);
  return TakeAnswer(received_);
}

}  // namespace gitops
