#include "services/planner/testing/stalling_proxy.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace gitops {
namespace {

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

int Connect(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = UnixAddress(path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

int Listen(const std::string& path) {
  unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = UnixAddress(path);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << path;
  EXPECT_EQ(listen(fd, 64), 0);
  return fd;
}

// False: the connection has ended.
bool Forward(int from, int to) {
  char buffer[16384];
  const ssize_t got = read(from, buffer, sizeof(buffer));
  if (got <= 0) return false;
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t n = send(to, buffer + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += n;
  }
  return true;
}

}  // namespace

StallingProxy::StallingProxy(std::string listen_path, std::string target_path)
    : listen_path_(std::move(listen_path)), target_path_(std::move(target_path)) {
  listener_ = Listen(listen_path_);
  EXPECT_EQ(pipe(wake_), 0);
  thread_ = std::thread([this] { Serve(); });
}

StallingProxy::~StallingProxy() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  close(listener_);
  close(wake_[0]);
  close(wake_[1]);
  unlink(listen_path_.c_str());
}

void StallingProxy::Stall() {
  MutexLock lock(mutex_);
  stalled_ = true;
  Wake();
}

void StallingProxy::Flow() {
  MutexLock lock(mutex_);
  stalled_ = false;
  Wake();
}

void StallingProxy::Cut() {
  MutexLock lock(mutex_);
  cut_ = true;
  Wake();
}

int StallingProxy::accepted() {
  MutexLock lock(mutex_);
  return accepted_;
}

void StallingProxy::Wake() { EXPECT_EQ(write(wake_[1], "x", 1), 1); }

void StallingProxy::Close(Link& link) {
  if (link.client >= 0) close(link.client);
  if (link.server >= 0) close(link.server);
  link = {};
}

void StallingProxy::Accept() {
  Link link;
  link.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (link.client < 0) return;
  ++accepted_;
  link.server = Connect(target_path_);
  if (link.server >= 0) {
    links_.push_back(link);
  } else {
    Close(link);
  }
}

void StallingProxy::Serve() {
  while (true) {
    std::vector<pollfd> fds = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    std::vector<Link*> of;
    {
      MutexLock lock(mutex_);
      if (stopping_ || cut_) {
        for (Link& link : links_) Close(link);
        links_.clear();
        cut_ = false;
      }
      if (stopping_) return;
      for (Link& link : links_) {
        if (stalled_) break;
        fds.push_back({link.client, POLLIN, 0});
        fds.push_back({link.server, POLLIN, 0});
        of.push_back(&link);
      }
    }
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    char byte;
    if (fds[0].revents != 0) {
      EXPECT_EQ(read(wake_[0], &byte, 1), 1);
      continue;
    }
    MutexLock lock(mutex_);
    if (fds[1].revents != 0) Accept();
    for (size_t i = 0; i < of.size(); ++i) {
      Link& link = *of[i];
      bool open = true;
      if (fds[2 + 2 * i].revents != 0) open = Forward(link.client, link.server);
      if (open && fds[3 + 2 * i].revents != 0) open = Forward(link.server, link.client);
      if (!open) Close(link);
    }
    links_.remove_if([](const Link& link) { return link.client < 0; });
  }
}

}  // namespace gitops
