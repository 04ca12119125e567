#!/usr/bin/env bash
# The database container's command, with stand-ins for MongoDB's programs: it makes the users out of everybody's reach,
# serves with authentication only, without the passwords in its environment, and does not serve if the users were not made.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

for program in mongod mongosh; do
  cat > "$work/$program" << 'EOF'
#!/usr/bin/env bash
arguments="$*"
echo "$(basename "$0") ${arguments%%$'\n'*} passwords=${ROOT_PASSWORD:-none},${API_PASSWORD:-none}" >> "$CALLS"
[[ "$(basename "$0")" != "${BROKEN:-}" ]]
EOF
  chmod +x "$work/$program"
done

run() {
  : > "$work/calls"
  env PATH="$work:$PATH" CALLS="$work/calls" PORT=27018 ROOT_PASSWORD=r00t API_PASSWORD=ap1 BROKEN="${1:-}" \
    bash -c "$(cat "$(dirname "${BASH_SOURCE[0]}")/../scripts/database.sh")" > /dev/null 2>&1
}

run
diff "$work/calls" - << 'EOF'
mongod --dbpath /data/db --port 27018 --bind_ip 127.0.0.1 --fork --logpath /tmp/setup.log passwords=r00t,ap1
mongosh --quiet --port 27018 --eval  passwords=r00t,ap1
mongod --dbpath /data/db --port 27018 --shutdown passwords=r00t,ap1
mongod --dbpath /data/db --port 27018 --bind_ip_all --auth passwords=none,none
EOF

for broken in mongod mongosh; do
  if run "$broken"; then
    echo "It goes on although $broken has failed."
    exit 1
  fi
  if grep -q -- --auth "$work/calls"; then
    echo "It serves although $broken has failed."
    exit 1
  fi
done
