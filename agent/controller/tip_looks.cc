#include "agent/controller/tip_looks.h"

#include <algorithm>

namespace gitops {
namespace {

// The upstream could not be asked for the revision: no service gets further by asking it again.
bool IsOfUpstream(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

}  // namespace

void TipLooks::AskAgain() {
  incomparable_.clear();
  indescribable_.clear();
}

void TipLooks::Compare(const Groups& groups, const Upstream::Tips& tips,
                       absl::FunctionRef<void(const std::string& service, const std::string& from,
                                              const absl::StatusOr<bool>& touched)>
                           found) {
  for (const auto& [key, group] : groups) {
    const auto& [ref, from] = key;
    const auto touched = upstream_->Touched(ref, from, *tips.at(ref), group.paths, stop_);
    for (const auto& [service, follower] : group.followers) {
      if (!touched.ok()) {
        found(service, from, touched.status());
        continue;
      }
      const auto& paths = follower->paths;
      found(service, from,
            paths.empty() || std::any_of(paths.begin(), paths.end(), [&](const auto& path) {
              return touched->contains(path);
            }));
    }
  }
}

TipLooks::Looked TipLooks::Look(const UpstreamFollowers& followers, const Upstream::Tips& tips) {
  Looked looked;
  std::erase_if(compared_, [&](const auto& entry) { return !followers.contains(entry.first); });
  Groups all, since_newest;
  std::map<std::string, ServicePlace> watched;
  std::set<std::string> failed;
  const auto add = [](Groups& groups, const std::string& from, const auto& entry) {
    Group& group = groups[{entry.second.ref, from}];
    group.paths.insert(entry.second.paths.begin(), entry.second.paths.end());
    group.followers[entry.first] = &entry.second;
  };
  for (const auto& entry : followers) {
    const auto& [service, follower] = entry;
    const auto tip = tips.find(follower.ref);
    if (!follower.at || tip == tips.end() || !tip->second.ok()) continue;
    const ServicePlace place = follower.at();
    if (place.watched) {
      if (place.published.empty()) continue;
      if (compared_[service] == std::array{*tip->second, place.published, place.newest}) continue;
      if (incomparable_[service] == std::pair(*tip->second, place.published)) continue;
      watched[service] = place;
      if (place.published == *tip->second) looked.newest[service] = "";
    }
    const std::string& from = place.watched ? place.published : place.revision;
    if (!from.empty() && from != *tip->second) add(all, from, entry);
  }
  Compare(all, tips,
          [&](const std::string& service, const std::string& from,
              const absl::StatusOr<bool>& touched) {
            const auto place = watched.find(service);
            if (IsOfUpstream(touched.status())) {
              looked.failed = true;
              if (place == watched.end()) looked.untouched[service] = touched.status();
            } else if (place == watched.end()) {
              // Where it cannot be told, each service looks for itself, and tells why it cannot.
              if (touched.ok() && !*touched) looked.untouched[service] = from;
            } else if (touched.ok() && !*touched) {
              looked.newest[service] = "";
            } else if (const std::string& newest = place->second.newest;
                       newest.empty() || newest == *tips.at(followers.at(service).ref)) {
              looked.newest[service] = *tips.at(followers.at(service).ref);
              if (!touched.ok()) failed.insert(service);
            } else {
              add(since_newest, newest, *followers.find(service));
            }
          });
  // What came after the newest one may be nothing to the service.
  Compare(since_newest, tips,
          [&](const std::string& service, const std::string& from,
              const absl::StatusOr<bool>& touched) {
            if (IsOfUpstream(touched.status())) {
              looked.failed = true;
            } else {
              const bool same = touched.ok() && !*touched;
              looked.newest[service] = same ? from : *tips.at(followers.at(service).ref);
              if (!touched.ok()) failed.insert(service);
            }
          });
  for (const auto& [service, newest] : looked.newest) {
    const std::string& tip = *tips.at(followers.at(service).ref);
    if (failed.contains(service)) {
      incomparable_[service] = {tip, watched[service].published};
    } else {
      compared_[service] = {tip, watched[service].published, newest};
    }
  }
  if (!looked.failed) DescribeTips(followers, tips, looked);
  return looked;
}

void TipLooks::DescribeTips(const UpstreamFollowers& followers, const Upstream::Tips& tips,
                            Looked& looked) {
  // A service that has to be prepared fetches the commit itself; others have it now, or need no
  // more of it than this.
  std::set<std::string> refs;
  for (const auto& [service, follower] : followers) {
    if (!follower.at || refs.contains(follower.ref)) continue;
    const auto tip = tips.find(follower.ref);
    if (tip == tips.end() || !tip->second.ok()) continue;
    const ServicePlace place = follower.at();
    const auto newest = looked.newest.find(service);
    const bool news = newest != looked.newest.end() && newest->second == *tip->second;
    const bool shows = !place.revision.empty() || (place.watched && place.shows_tip);
    if (news || (shows && place.described != *tip->second)) refs.insert(follower.ref);
  }
  for (const std::string& ref : refs) {
    const std::string& tip = *tips.at(ref);
    if (described_[ref].hash != tip) {
      if (indescribable_[ref] == tip) continue;
      auto commit = upstream_->Describe(ref, tip, stop_);
      if (IsOfUpstream(commit.status())) {
        looked.failed = true;
      } else if (!commit.ok()) {
        indescribable_[ref] = tip;
      }
      if (!commit.ok()) continue;
      described_[ref] = *std::move(commit);
    }
    looked.commits[ref] = described_[ref];
  }
}

}  // namespace gitops
