"""Values that every room uses: encoding, hashes, signatures, money, codes. Imports nothing of ours."""
