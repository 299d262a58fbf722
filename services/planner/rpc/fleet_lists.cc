#include "services/planner/rpc/fleet_lists.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/error.h"
#include "common/rpc/fingerprint.h"
#include "common/rpc/page.h"
#include "services/planner/plan/check_spec.h"
#include "services/planner/plan/fleet_selection.h"

namespace gitops {
namespace {

// Where a page ended.
struct Cursor {
  int64_t place = 0;
  std::string host, service;
};

std::string Token(const Cursor& cursor) {
  return PageToken(absl::WebSafeBase64Escape(
      absl::StrCat(cursor.place, "\n", cursor.host, "\n", cursor.service)));
}

absl::StatusOr<Cursor> ReadCursor(const std::string& after) {
  std::string text;
  Cursor cursor;
  if (absl::WebSafeBase64Unescape(after, &text)) {
    const std::vector<std::string> parts = absl::StrSplit(text, '\n');
    if (parts.size() == 3 && absl::SimpleAtoi(parts[0], &cursor.place) && cursor.place >= 0) {
      cursor.host = parts[1];
      cursor.service = parts[2];
      return cursor;
    }
  }
  return InvalidField("page_token", "page_token is not one that this method gave out");
}

// A heartbeat alone is no change.
void AddEtag(v1::Host& host) {
  v1::Host lasting = host;
  lasting.clear_last_seen_time();
  host.set_etag(Etag(lasting));
}

// The host and, for services, the name after which a page begins.
struct Begin {
  size_t place = 0;
  std::string after_service;  // of that host; empty: from its first
};

absl::StatusOr<Begin> BeginOf(const FleetHosts& hosts, const PageRequest& page) {
  if (page.after.empty()) return Begin{};
  const absl::StatusOr<Cursor> cursor = ReadCursor(page.after);
  if (!cursor.ok()) return cursor.status();
  const auto is_it = [&](const auto& host) { return host->host.host() == cursor->host; };
  size_t place = std::min(static_cast<size_t>(cursor->place), hosts.size());
  if (place == hosts.size() || !is_it(hosts[place])) {
    const auto found = std::find_if(hosts.begin(), hosts.end(), is_it);
    // It has left: the page begins with the host at its position.
    if (found == hosts.end()) return Begin{.place = place};
    place = found - hosts.begin();
  }
  if (cursor->service.empty()) return Begin{.place = place + 1};
  return Begin{.place = place, .after_service = cursor->service};
}

}  // namespace

const v1::HostLock* FindLock(const LocksByHost& locks, const std::string& host) {
  const auto found = std::lower_bound(
      locks.begin(), locks.end(), host,
      [](const v1::HostLock& lock, const auto& name) { return lock.host() < name; });
  return found == locks.end() || found->host() != host ? nullptr : &*found;
}

v1::Host WithLock(const v1::Host& host, const LocksByHost& locks) {
  v1::Host shown = host;
  if (const v1::HostLock* lock = FindLock(locks, host.host())) *shown.mutable_lock() = *lock;
  AddEtag(shown);
  return shown;
}

absl::Status ListHosts(const Fleet& fleet, HostLocks& locks, const v1::ListHostsRequest& request,
                       const Cancelled& cancelled, v1::ListHostsResponse* response) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  const auto hosts = SelectHosts(fleet, request.selection(), /*changes=*/false, cancelled);
  if (!hosts.ok()) return hosts.status();
  const absl::StatusOr<Begin> begin = BeginOf(*hosts, *page);
  if (!begin.ok()) return begin.status();
  const absl::StatusOr<LocksByHost> held = locks.List();
  if (!held.ok()) return held.status();
  PageRoom room(page->limit);
  for (size_t i = begin->place; i < hosts->size(); ++i) {
    v1::Host host = WithLock((*hosts)[i]->host, *held);
    if (!room.Take(host.ByteSizeLong())) {
      response->set_next_page_token(
          Token({.place = static_cast<int64_t>(i) - 1, .host = (*hosts)[i - 1]->host.host()}));
      break;
    }
    *response->add_hosts() = std::move(host);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Host> GetHost(const Fleet& fleet, HostLocks& locks, const std::string& name) {
  if (name.empty()) return InvalidField("host", "no host is named");
  absl::StatusOr<FleetHost> found = fleet.Find(name);
  if (!found.ok()) return found.status();
  v1::Host host = std::move(found->host);
  absl::StatusOr<v1::HostLock> lock = locks.Get(name);
  if (lock.ok()) *host.mutable_lock() = *std::move(lock);
  if (!lock.ok() && !absl::IsNotFound(lock.status())) return lock.status();
  AddEtag(host);
  return host;
}

absl::Status ListLocks(HostLocks& locks, const v1::ListLocksRequest& request,
                       v1::ListLocksResponse* response) {
  const absl::StatusOr<LocksByHost> held = locks.List();
  if (!held.ok()) return held.status();
  return FillPage(
      request, *held, [](const v1::HostLock& lock) { return lock.host(); },
      response->mutable_locks(), response->mutable_next_page_token());
}

absl::Status ListFleetServices(const Fleet& fleet, const v1::ListFleetServicesRequest& request,
                               const Cancelled& cancelled,
                               v1::ListFleetServicesResponse* response) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  if (request.has_service()) {
    if (absl::Status status = CheckNamedService(request.service()); !status.ok()) return status;
  }
  const auto hosts = SelectHosts(fleet, request.selection(), /*changes=*/false, cancelled);
  if (!hosts.ok()) return hosts.status();
  const absl::StatusOr<Begin> begin = BeginOf(*hosts, *page);
  if (!begin.ok()) return begin.status();
  Cursor last;
  PageRoom room(page->limit);
  for (size_t i = begin->place; i < hosts->size(); ++i) {
    if (cancelled && cancelled()) return absl::CancelledError("the caller has gone away");
    const std::string& host = (*hosts)[i]->host.host();
    for (v1::Service& service : fleet.Services(host)) {
      if (request.has_service() && service.service() != request.service()) continue;
      if (i == begin->place && service.service() <= begin->after_service) continue;
      if (!room.Take(service.ByteSizeLong())) {
        response->set_next_page_token(Token(last));
        return absl::OkStatus();
      }
      last = {.place = static_cast<int64_t>(i), .host = host, .service = service.service()};
      *response->add_services() = std::move(service);
    }
  }
  return absl::OkStatus();
}

}  // namespace gitops
