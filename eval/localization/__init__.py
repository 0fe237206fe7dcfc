"""Where in the image does the sound come from, and does anything in it make that sound?"""
