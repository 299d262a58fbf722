#include "common/http/raw_client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/address.h"

namespace gitops {

RawClient::RawClient(const std::string& address, int receive_buffer) {
  const Address where = *ParseAddress(address);
  fd_ = socket(where.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  if (receive_buffer > 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  if (where.is_unix()) {
    sockaddr_un target{};
    target.sun_family = AF_UNIX;
    std::strcpy(target.sun_path, where.unix_path.c_str());
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&target), sizeof(target)) == 0;
    return;
  }
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  target.sin_port = htons(where.port);
  connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&target), sizeof(target)) == 0;
}

RawClient::~RawClient() {
  if (fd_ >= 0) close(fd_);
}

bool RawClient::Send(absl::string_view bytes) {
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void RawClient::CloseSending() { shutdown(fd_, SHUT_WR); }

void RawClient::Reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd_);
  fd_ = -1;
}

bool RawClient::Receive() {
  char buffer[16 << 10];
  const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
  if (size > 0) pending_.append(buffer, size);
  return size > 0;
}

std::string RawClient::ReadAll() {
  errno = 0;
  while (Receive()) {
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) pending_ += "<timed out>";
  return std::exchange(pending_, "");
}

std::string RawClient::ReadAnswer() {
  constexpr absl::string_view kLength = "Content-Length: ";
  while (true) {
    const size_t head = pending_.find("\r\n\r\n");
    const size_t length = pending_.find(kLength.data(), 0, kLength.size());
    if (head != std::string::npos && length < head) {
      const size_t end = head + 4 + std::stoul(pending_.substr(length + kLength.size()));
      if (pending_.size() >= end) {
        std::string answer = pending_.substr(0, end);
        pending_.erase(0, end);
        return answer;
      }
    }
    if (!Receive()) return absl::StrCat("<closed>", pending_);
  }
}

std::string RawClient::ReadUntil(absl::string_view text) {
  while (true) {
    if (const size_t at = pending_.find(text.data(), 0, text.size()); at != std::string::npos) {
      std::string found = pending_.substr(0, at + text.size());
      pending_.erase(0, found.size());
      return found;
    }
    if (!Receive()) return absl::StrCat("<closed>", pending_);
  }
}

bool RawClient::WaitForClose(absl::Duration most) {
  const absl::Time deadline = absl::Now() + most;
  pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
  while (true) {
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (poll(&wait, 1, static_cast<int>(std::max<int64_t>(left, 0))) <= 0) return false;
    if (!Receive()) return true;
  }
}

}  // namespace gitops
