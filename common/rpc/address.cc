#include "common/rpc/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr absl::string_view kForms = "expected HOST:PORT, [IPV6]:PORT or unix:PATH";

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("bad address \"", absl::CHexEscape(text), "\": ", why, "; ", kForms));
}

// Closes on scope exit; Fd of common/path would add a dependency on the file system.
class Socket {
 public:
  explicit Socket(int family)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

bool IsIpv6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &address) == 1;
}

bool IsHostName(absl::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  });
}

bool IsLoopbackLiteral(const std::string& host) {
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

absl::StatusOr<Address> ParseUnix(absl::string_view text) {
  absl::string_view path = absl::StripPrefix(text, "unix:");
  // gRPC's other spelling, unix:///PATH.
  if (absl::StartsWith(path, "//")) path.remove_prefix(2);
  if (path.empty()) return Bad(text, "no path");
  if (absl::StrContains(path, '\0')) return Bad(text, "a zero byte in the path");
  constexpr size_t kMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kMax) {
    return Bad(text, absl::StrCat("the path has ", path.size(),
                                  " bytes; a unix socket allows at most ", kMax));
  }
  Address address;
  address.unix_path = std::string(path);
  return address;
}

// Sets the port from `port`, the text after the host, which is empty or starts with ':'.
absl::StatusOr<Address> WithPort(absl::string_view text, absl::string_view host,
                                 absl::string_view port, std::optional<int> default_port) {
  Address address;
  address.host = std::string(host);
  if (port.empty()) {
    if (!default_port.has_value()) return Bad(text, "no port");
    address.port = *default_port;
    return address;
  }
  port.remove_prefix(1);
  const bool digits = std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(port, &address.port) || address.port > 65535) {
    return Bad(text,
               absl::StrCat("\"", absl::CHexEscape(port), "\" is not a port from 0 to 65535"));
  }
  return address;
}

}  // namespace

bool Address::is_wildcard() const {
  return !is_unix() && (host.empty() || host == "0.0.0.0" || host == "::");
}

bool Address::is_local() const {
  if (is_unix()) return true;
  return absl::EqualsIgnoreCase(host, "localhost") || IsLoopbackLiteral(host);
}

std::string Address::ToString() const {
  if (is_unix()) return absl::StrCat("unix:", unix_path);
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

Address Address::Dialable() const {
  Address result = *this;
  if (is_wildcard()) result.host = "127.0.0.1";
  return result;
}

absl::StatusOr<Address> ParseAddress(absl::string_view text, std::optional<int> default_port) {
  if (text.empty()) return Bad(text, "it is empty");
  if (absl::StartsWith(text, "unix:")) return ParseUnix(text);
  if (absl::StrContains(text, "://")) return Bad(text, "it is a URL");
  if (text[0] == '[') {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return Bad(text, "\"[\" without \"]\"");
    const std::string host(text.substr(1, end - 1));
    if (!IsIpv6(host)) return Bad(text, "no IPv6 address in the brackets");
    const absl::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return Bad(text, "unexpected text after \"]\"");
    return WithPort(text, host, rest, default_port);
  }
  const size_t colon = text.find(':');
  if (colon != text.rfind(':')) return Bad(text, "an IPv6 address needs brackets");
  const absl::string_view host = text.substr(0, colon);
  if (!IsHostName(host)) return Bad(text, "a character that is not allowed in a host name");
  return WithPort(text, host, colon == absl::string_view::npos ? "" : text.substr(colon),
                  default_port);
}

absl::StatusOr<Address> ParseDialled(absl::string_view text, std::optional<int> default_port,
                                     bool may_leave) {
  absl::StatusOr<Address> address = ParseAddress(text, default_port);
  if (!address.ok()) return address;
  if (!address->is_unix() && (address->host.empty() || address->port == 0)) {
    return Bad(text, "it needs a host and a port");
  }
  if (address->is_local() || may_leave) return address;
  return absl::FailedPreconditionError(absl::StrCat(
      "refusing to connect to ", address->ToString(),
      " in plain text: it is not on this machine, so others could read and change the "
      "traffic. Give --tls-dir, or, if that is acceptable, allow it with --insecure, flags of "
      "the program that connects"));
}

absl::Status RemoveStaleSocket(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();  // bind reports any problem
  if (!S_ISSOCK(info.st_mode)) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on unix:", path, ": the path exists and is not a socket"));
  }
  const Socket probe(AF_UNIX);
  const sockaddr_un address = UnixAddress(path);
  const int result =
      connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  // Only a refusal proves that no process listens; a full backlog, for example, returns EAGAIN.
  if (result != 0 && error == ECONNREFUSED) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("cannot remove the stale socket ", path, ": ", std::strerror(errno)));
  }
  if (result != 0 && error == ENOENT) return absl::OkStatus();
  if (result == 0 || error == EAGAIN) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on unix:", path, ": another process listens there"));
  }
  return absl::UnavailableError(
      absl::StrCat("cannot listen on unix:", path,
                   ": cannot determine whether the socket is in use: ", std::strerror(error)));
}

bool CanOpenSocket(const std::string& path) {
  const Socket probe(AF_UNIX);
  const sockaddr_un address = UnixAddress(path);
  return connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

std::string ExplainBindFailure(const Address& address) {
  if (address.is_unix()) {
    const Socket probe(AF_UNIX);
    const sockaddr_un target = UnixAddress(address.unix_path);
    if (bind(probe.fd(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)) != 0) {
      return std::strerror(errno);
    }
    unlink(address.unix_path.c_str());
    return "the socket could not be created";
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                 std::to_string(address.port).c_str(), &hints, &found);
  if (failed != 0) return gai_strerror(failed);
  std::string why = "the port could not be bound";
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const Socket probe(each->ai_family);
    if (bind(probe.fd(), each->ai_addr, each->ai_addrlen) != 0) why = std::strerror(errno);
  }
  freeaddrinfo(found);
  return why;
}

}  // namespace gitops
